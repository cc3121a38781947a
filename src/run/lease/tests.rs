use std::sync::Barrier;

use super::candidate::identity;
use super::contest::short;
use super::*;
use crate::run::Silent;

const SHORT: Times =
    Times { beat: Duration::from_millis(100), stale: Duration::from_millis(700), watch: Duration::from_millis(200) };

fn take(folder: &Path) -> Result<Lease> {
    Lease::take_within(SHORT, folder, &mut Silent, &StopFlag::default())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A lease of a process that cannot be asked for.
fn elsewhere() -> Owner {
    Owner { host: "elsewhere".into(), ..Owner::current() }
}

/// A lease of a process that has ended.
fn ended() -> Owner {
    Owner { process: i32::MAX as u32, ..Owner::current() }
}

fn write(folder: &Path, name: &str, owner: &Owner) {
    fs::write(folder.join(name), owner.to_text()).unwrap();
}

fn message(result: Result<Lease>) -> String {
    match result {
        Err(Error::InUse(problem)) => problem.what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_held_lease_is_refused_and_a_dropped_one_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let held = take(folder.path()).unwrap();
    assert_eq!(names(folder.path()), [".lease"]);
    let (owner, process) = Lease::holder(folder.path()).unwrap();
    assert_eq!((owner.process, process), (std::process::id(), held_process()));
    let said = message(take(folder.path()));
    let expected = format!("the folder is being written to by process {} on {}, since ", owner.process, owner.host);
    assert!(said.starts_with(&expected), "{said}");
    held.require_held().unwrap();
    drop(held);
    assert_eq!(names(folder.path()), [""; 0]);
    assert!(Lease::holder(folder.path()).is_none());
    take(folder.path()).unwrap();
}

fn held_process() -> Process {
    if cfg!(target_os = "linux") { Process::Lives } else { Process::Unknown }
}

#[cfg(unix)]
#[test]
fn the_lease_of_a_process_that_has_ended_is_taken_over_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), ".lease", &ended());
    // Of processes that were killed on their way to it, and of an earlier version.
    write(folder.path(), ".lease-0123", &ended());
    fs::write(folder.path().join(".lock"), "12\n").unwrap();
    let begun = Instant::now();
    let lease = Lease::take(folder.path(), &mut Silent, &StopFlag::default()).unwrap();
    assert!(begun.elapsed() < TIMES.stale / 2);
    lease.require_held().unwrap();
    assert_eq!(names(folder.path()), [".lease"]);
}

#[test]
fn a_silent_lease_is_taken_over_and_a_renewed_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    for text in [elsewhere().to_text(), String::new(), "12345\n".into(), "{".into()] {
        fs::write(folder.path().join(".lease"), text).unwrap();
        let begun = Instant::now();
        drop(take(folder.path()).unwrap());
        assert!(begun.elapsed() >= SHORT.stale);
    }
    // Its clock may say what it likes.
    let mut owner = Owner { since: "1970-01-01T00:00:00Z".into(), ..elsewhere() };
    write(folder.path(), ".lease", &owner);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..40 {
                std::thread::sleep(SHORT.beat);
                owner.beats += 1;
                write(folder.path(), ".lease", &owner);
            }
        });
        let said = message(take(folder.path()));
        assert!(said.ends_with("on elsewhere, since 1970-01-01T00:00:00Z"), "{said}");
    });
}

#[test]
fn a_process_that_leaves_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let stop = StopFlag::default();
    let held = Lease::take_within(SHORT, folder.path(), &mut Silent, &stop).unwrap();
    stop.request();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !Lease::holder(folder.path()).is_some_and(|(owner, _)| owner.leaving) {
                std::thread::sleep(LOOK);
            }
            std::thread::sleep(3 * SHORT.watch);
            drop(held);
        });
        // Asked to stop, one does not wait.
        while !Lease::holder(folder.path()).is_some_and(|(owner, _)| owner.leaving) {
            std::thread::sleep(LOOK);
        }
        let refused = Lease::take_within(SHORT, folder.path(), &mut Silent, &stop);
        assert!(matches!(refused, Err(Error::Interrupted)), "{refused:?}");
        take(folder.path()).unwrap();
    });
}

#[test]
fn whoever_lost_the_lease_notices_and_leaves_the_other_alone() {
    let folder = tempfile::tempdir().unwrap();
    let held = take(folder.path()).unwrap();
    let other = elsewhere();
    write(folder.path(), ".lease-x", &other);
    fs::rename(folder.path().join(".lease-x"), folder.path().join(".lease")).unwrap();
    let Err(Error::InUse(problem)) = held.require_held() else { panic!("not noticed") };
    assert!(problem.what.starts_with("the folder was taken over by process "), "{}", problem.what);
    std::thread::sleep(3 * SHORT.beat);
    drop(held);
    assert_eq!(read(&folder.path().join(".lease")).unwrap().unwrap(), other.to_text(), "the other's was touched");

    fs::remove_file(folder.path().join(".lease")).unwrap();
    let held = take(folder.path()).unwrap();
    fs::remove_file(folder.path().join(".lease")).unwrap();
    let Err(Error::Config(problem)) = held.require_held() else { panic!("not noticed") };
    assert!(problem.what.contains("was removed"), "{}", problem.what);
}

#[test]
fn of_many_at_once_one_gets_a_stale_lease() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        write(folder.path(), ".lease", &ended());
        if round % 2 == 1 {
            // A process died in the act of taking over.
            let lease = read(&folder.path().join(".lease")).unwrap().unwrap();
            write(folder.path(), &format!(".lease-after-{}", short(&identity(&lease))), &ended());
        }
        let start = Barrier::new(8);
        let results: Vec<Result<Lease>> = std::thread::scope(|scope| {
            let one = || {
                start.wait();
                take(folder.path())
            };
            let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let held: Vec<&Lease> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
        assert_eq!(held.len(), 1, "{results:?}");
        held[0].require_held().unwrap();
        drop(results);
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

#[test]
fn whoever_waits_for_its_turn_gets_the_lease_when_the_other_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let held = take(folder.path()).unwrap();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| {
            Lease::take_in_turn_within(SHORT, folder.path(), &mut Silent, &StopFlag::default()).map(|_| Instant::now())
        });
        // Longer than a refusal takes.
        std::thread::sleep(4 * SHORT.watch);
        assert!(!waits.is_finished());
        drop(held);
        waits.join().unwrap().unwrap();
    });
    // Asked to stop, one does not wait.
    let _held = take(folder.path()).unwrap();
    let stop = StopFlag::default();
    stop.request();
    let refused = Lease::take_in_turn_within(SHORT, folder.path(), &mut Silent, &stop);
    assert!(matches!(refused, Err(Error::Interrupted)), "{refused:?}");
}
