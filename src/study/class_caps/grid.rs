//! The grid of a study of class caps, and where in it a run stands.

use sha2::{Digest, Sha256};

use crate::config::{Experiment, Initialization};
use crate::error::Result;
use crate::model::{HeadKind, HeadSettings, ModelSettings};
use crate::perturb::{CapSettings, PerturbSettings};
use crate::run::{RunConfig, run_id};

/// Where in the grid a run stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    /// The capped class and the number of its sentences; `None` where all stay.
    pub cap: Option<(String, usize)>,
    /// Requested noise.
    pub noise: f64,
    /// The head.
    pub head: HeadKind,
    /// What the encoder starts from.
    pub start: Initialization,
    /// The seed.
    pub seed: u64,
}

impl Point {
    /// Of a run.
    pub fn of(config: &RunConfig) -> Self {
        let cap = config.perturb.cap.as_ref();
        Self {
            cap: cap.map(|cap| (cap.class.clone(), cap.sentences.unwrap_or_default())),
            noise: config.perturb.rate,
            head: config.model.head.kind,
            start: if config.model.random_init { Initialization::Random } else { Initialization::Pretrained },
            seed: config.seed,
        }
    }

    /// The run's name: `class=LOC,sentences=15,noise=0.00,seed=1,head=linear,init=pretrained`.
    fn id(&self) -> String {
        let cap = match &self.cap {
            Some((class, n)) => format!("class={},sentences={n}", folder_name(class)),
            None => "class=none".into(),
        };
        format!("{cap},{},head={},init={}", run_id(self.noise, self.seed), self.head.name(), self.start.name())
    }
}

/// A class in the name of a folder: what does not belong there is written as its code point, `a/b` as `a~2f~b`, and a
/// long name is cut, with a digest of the whole behind it. Different classes have different names.
fn folder_name(class: &str) -> String {
    const LONGEST: usize = 60;
    let mut name = String::new();
    for c in class.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || "-_.".contains(c) => name.push(c),
            c => name.push_str(&format!("~{:x}~", u32::from(c))),
        }
    }
    if name.len() > LONGEST {
        let digest = Sha256::digest(class.as_bytes());
        name.truncate(LONGEST);
        name.extend(digest.iter().take(6).map(|byte| format!("{byte:02x}")));
    }
    name
}

/// The runs of an experiment. Seeds are the outer loop, and what all classes share is trained once: the run on all
/// sentences.
pub(super) fn grid(experiment: &Experiment) -> Result<Vec<RunConfig>> {
    let study = &experiment.study;
    let heads = match study.heads.as_slice() {
        [] => vec![experiment.model.head.kind],
        heads => heads.to_vec(),
    };
    let starts = match study.initializations.as_slice() {
        [] if experiment.model.random_init => vec![Initialization::Random],
        [] => vec![Initialization::Pretrained],
        starts => starts.to_vec(),
    };
    let mut caps: Vec<Option<(String, usize)>> = Vec::new();
    for class in &study.classes {
        caps.extend(study.sentences.iter().map(|&n| Some((class.clone(), n))));
    }
    caps.extend(study.uncapped.then_some(None));
    let mut grid = Vec::new();
    for seed in study.seeds.list() {
        for &noise in &study.noise {
            for &start in &starts {
                for &head in &heads {
                    for cap in &caps {
                        let point = Point { cap: cap.clone(), noise, head, start, seed };
                        grid.push(run(experiment, &point)?);
                    }
                }
            }
        }
    }
    Ok(grid)
}

fn run(experiment: &Experiment, point: &Point) -> Result<RunConfig> {
    let cap = point.cap.clone().map(|(class, sentences)| CapSettings { class, sentences: Some(sentences) });
    let perturb = PerturbSettings { rate: point.noise, cap, ..experiment.perturb.clone() };
    crate::perturb::validate(&perturb)?;
    let head = HeadSettings { kind: point.head, ..experiment.model.head.clone() };
    Ok(RunConfig {
        id: point.id(),
        seed: point.seed,
        data: experiment.data.clone(),
        model: ModelSettings { random_init: point.start == Initialization::Random, head, ..experiment.model.clone() },
        perturb,
        train: experiment.train.clone(),
        device: experiment.device,
        fold: None,
        pretrained: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Seeds, StudySettings};

    fn ids(study: StudySettings) -> Vec<String> {
        let grid = grid(&Experiment { study, ..Experiment::default() }).unwrap();
        grid.into_iter().map(|run| run.id).collect()
    }

    fn caps() -> StudySettings {
        StudySettings { classes: vec!["LOC".into()], sentences: vec![5, 25], ..StudySettings::default() }
    }

    #[test]
    fn all_sentences_are_trained_on_once_for_all_classes() {
        let study = StudySettings { classes: vec!["LOC".into(), "a/b".into()], sentences: vec![5], ..caps() };
        assert_eq!(
            ids(study),
            [
                "class=LOC,sentences=5,noise=0.00,seed=1,head=linear,init=pretrained",
                "class=a~2f~b,sentences=5,noise=0.00,seed=1,head=linear,init=pretrained",
                "class=none,noise=0.00,seed=1,head=linear,init=pretrained"
            ]
        );
    }

    #[test]
    fn different_classes_have_different_folders() {
        let (long, longer) = ("x".repeat(300), "x".repeat(301));
        let names = ["a/b", "a_b", "a~2f~b", "ä", &long, &longer].map(folder_name);
        for (i, name) in names.iter().enumerate() {
            assert!(name.len() < 80, "{name}");
            assert!(!names[..i].contains(name), "{name} twice");
        }
    }

    #[test]
    fn the_grid_has_every_combination_once() {
        let study = StudySettings {
            noise: vec![0.0, 0.3],
            heads: vec![HeadKind::Linear, HeadKind::Prototypes],
            initializations: vec![Initialization::Pretrained, Initialization::Random],
            seeds: Seeds::Count(2),
            ..caps()
        };
        let mut all = ids(study);
        assert_eq!(all.len(), 3 * 2 * 2 * 2 * 2);
        assert!(all[..24].iter().all(|id| id.contains("seed=1")));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 48);
    }

    #[test]
    fn a_run_knows_its_place() {
        let experiment = Experiment { study: caps(), ..Experiment::default() };
        let grid = grid(&experiment).unwrap();
        assert_eq!(Point::of(&grid[1]).cap, Some(("LOC".into(), 25)));
        assert_eq!(Point::of(&grid[2]).cap, None);
        assert_eq!(Point::of(&grid[1]).id(), grid[1].id);
    }
}
