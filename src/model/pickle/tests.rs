use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pickle");
    fs_err::read(folder.join(name)).unwrap()
}

fn refusal(bytes: &[u8]) -> Problem {
    match read(bytes, Path::new("pytorch_model.bin")) {
        Err(Error::Model(problem)) => {
            assert!(problem.hint.is_some());
            assert_eq!(problem.path, Some(PathBuf::from("pytorch_model.bin")));
            problem
        }
        other => panic!("{other:?}"),
    }
}

/// An archive as torch.save makes it, with this program and one storage of zeros.
fn archive(program: &[u8], storage: usize) -> Vec<u8> {
    use std::io::Write as _;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in [("archive/data.pkl", program), ("archive/data/0", &vec![0; storage])] {
        zip.start_file(name, stored).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A program for `{"w": tensor}` of a float storage with these elements and this view of it.
fn program(elements: i32, offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let text = |text: &str| [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let int = |n: i32| [&b"J"[..], &n.to_le_bytes()].concat();
    let tuple =
        |members: &[i32]| [b"(".to_vec(), members.iter().flat_map(|&n| int(n)).collect(), b"t".to_vec()].concat();
    [
        &b"\x80\x02}"[..],
        &text("w"),
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        &int(elements),
        b"tQ",
        &int(offset),
        &tuple(shape),
        &tuple(strides),
        b"\x89}tRs.",
    ]
    .concat()
}

#[test]
fn tensors_are_what_torch_saved() {
    let expected: serde_json::Value = serde_json::from_slice(&fixture("expected.json")).unwrap();
    for name in ["tensors", "metadata"] {
        let expected = expected[name].as_object().unwrap();
        let tensors = read(&fixture(&format!("{name}.bin")), Path::new("x")).unwrap();
        assert_eq!(tensors.len(), expected.len());
        for (name, shape, values) in tensors {
            let expected = &expected[&name];
            assert_eq!(serde_json::to_value(shape).unwrap(), expected["shape"], "{name}");
            let exact: Option<Vec<f32>> = serde_json::from_value(expected["values"].clone()).unwrap();
            assert_eq!(values.ok(), exact, "{name}");
        }
    }
}

#[test]
fn what_would_execute_something_is_refused_by_its_name() {
    let problem = refusal(&fixture("hostile.bin"));
    assert!(
        problem.what.contains("`posix.system`") && problem.what.contains("nothing of it was executed"),
        "{problem}"
    );
    assert!(!Path::new("executed").exists());
    assert!(refusal(&fixture("function.bin")).what.contains("`torch.hub.load`"));
    for global in ["builtins\neval", "torch\nload", "torch._utils\n_rebuild_device_tensor_from_numpy", "torch\nstorage"]
    {
        let problem = refusal(&archive(format!("\u{2}c{global}\n.").as_bytes(), 0));
        assert!(problem.what.contains("instruction 0x02"), "{problem}");
        let problem = refusal(&archive(&[b"\x80\x02c", global.as_bytes(), b"\n."].concat(), 0));
        assert!(problem.what.contains(&global.replace('\n', ".")), "{problem}");
    }
    // The same through the instruction of newer pickles that takes the name from the stack.
    let problem = refusal(&archive(b"\x80\x04\x8c\x02os\x8c\x06system\x93.", 0));
    assert!(problem.what.contains("`os.system`"), "{problem}");
}

#[test]
fn what_is_no_dictionary_of_tensors_is_refused() {
    assert!(refusal(&fixture("nested.bin")).what.contains("`state_dict` is a dictionary, not a tensor"));
    assert!(refusal(&archive(b"\x80\x02]q\x00.", 0)).what.contains("a list"));
    assert!(refusal(&archive(b"\x80\x02}X\x01\0\0\0aK\x01s.", 0)).what.contains("`a` is a number"));
    assert!(refusal(&archive(b"\x80\x02}K\x01K\x01s.", 0)).what.contains("named by a number"));
    let problem = refusal(&fixture("legacy.bin"));
    assert!(problem.what.contains("before 1.6") && problem.hint.unwrap().contains("weights_only=True"));
    assert!(refusal(&fixture("compressed.bin")).what.contains("compress"));
    assert!(refusal(b"<html>404</html>").what.contains("no zip archive"));
}

#[test]
fn a_view_must_lie_within_its_storage() {
    let read = |elements, offset, shape: &[i32], strides: &[i32]| {
        read(&archive(&program(elements, offset, shape, strides), 24), Path::new("x"))
            .map(|mut tensors| tensors.remove(0))
    };
    assert_eq!(read(6, 0, &[2, 3], &[3, 1]).unwrap(), ("w".into(), vec![2, 3], Ok(vec![0.0; 6])));
    assert!(read(6, 1, &[5], &[1]).is_ok());
    for (elements, offset, shape, strides, why) in [
        (6, 0, &[2, 3][..], &[3][..], "does not fit its strides"),
        (6, 1, &[6], &[1], "beyond its storage"),
        (6, 0, &[4], &[2], "beyond its storage"),
        (7, 0, &[7], &[1], "has 24 bytes"),
        (5, 0, &[5], &[1], "has 24 bytes"),
        (-1, 0, &[1], &[1], "negative length"),
        (6, -1, &[1], &[1], "negative offset"),
        (6, 0, &[-1], &[1], "negative shape"),
        // A terabyte out of one number.
        (6, 0, &[1 << 30, 1 << 8], &[0, 0], "larger than the file"),
        (6, 0, &[i32::MAX, i32::MAX, i32::MAX], &[0, 0, 0], "larger than the file"),
        (6, 0, &[7], &[0], "beyond its storage"),
        (6, 0, &[2], &[i32::MAX], "beyond its storage"),
    ] {
        let problem = refusal(&archive(&program(elements, offset, shape, strides), 24));
        assert!(problem.what.contains(why), "{problem}");
    }
}

#[test]
fn deep_nesting_and_endless_sharing_do_no_harm() {
    // A tuple in a tuple in a tuple, three million deep, and a list that holds itself.
    let deep = [b"\x80\x02)".to_vec(), vec![0x85; 3_000_000], b".".to_vec()].concat();
    assert!(refusal(&archive(&deep, 0)).what.contains("a tuple"));
    assert!(refusal(&archive(b"\x80\x02]q\x00h\x00a.", 0)).what.contains("a list"));
    let long = vec![b'N'; 5 << 20];
    assert!(refusal(&archive(&long, 0)).what.contains("is the most"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_files_are_read_or_refused(
        which in prop::sample::select(vec!["tensors.bin", "metadata.bin", "nested.bin"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = fixture(which);
        for (index, value) in changes {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        // Neither a panic nor, in the time of this test, a large allocation.
        let _ = read(&bytes, Path::new("x"));
    }

    /// The zip's checksums would catch most damage to the program: here it comes fresh into the archive.
    #[test]
    fn damaged_programs_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let bytes = fixture("tensors.bin");
        let mut program = Archive::open(&bytes).unwrap().program().unwrap();
        for (index, value) in changes {
            let index = index.index(program.len());
            program[index] = value;
        }
        if let Ok(tensors) = read(&archive(&program, 96), Path::new("x")) {
            for (_, shape, values) in tensors {
                prop_assert!(values.ok().is_none_or(|values| values.len() == shape.iter().product::<usize>()));
            }
        }
    }

    #[test]
    fn any_program_is_read_or_refused(
        program in prop::collection::vec(
            prop::sample::select(b"\x80\x02\x95.(NKMJGX\x8c)\x85\x86\x87t]}aesuqr\x94hjc\x93QRb0\x01\n".to_vec()), 0..60)
    ) {
        let _ = machine::run(&program);
    }
}
