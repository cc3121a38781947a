//! What the score on dev measures.

use std::borrow::Cow;
use std::path::Path;

use super::parquet::Metadata;
use crate::error::{Error, Problem, Result, printable};

/// The metadata's key of the name.
const NAME: &str = "dev_score";
/// The metadata's key of the direction.
const DIRECTION: &str = "dev_score_direction";
/// The only direction: a larger score is a better model.
const HIGHER: &str = "higher";

/// What the column `dev_score` of `curve.parquet` measures. Scores are between 0 and 1, and the higher the better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevScore {
    name: Cow<'static, str>,
}

impl DevScore {
    /// Entity F1, the score of sequence labelling.
    pub const F1: Self = Self { name: Cow::Borrowed("F1") };
    /// A score of which a file does not say what it measures.
    pub const UNNAMED: Self = Self { name: Cow::Borrowed("score") };

    /// The name, such as `F1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The score as axes and tables name it.
    ///
    /// ```
    /// assert_eq!(memoscope::dynamics::DevScore::F1.label(), "dev F1");
    /// ```
    pub fn label(&self) -> String {
        format!("dev {}", printable(&self.name))
    }

    /// Writes name and direction into the metadata of `curve.parquet`.
    pub(super) fn describe(&self, metadata: &mut Metadata) {
        metadata.insert(NAME.into(), self.name.clone().into_owned());
        metadata.insert(DIRECTION.into(), HIGHER.into());
    }

    /// What a file's metadata say of its column `dev_score`.
    ///
    /// # Errors
    /// [`Error::Data`] for a score of which lower values are better.
    pub(super) fn of(metadata: &Metadata, path: &Path) -> Result<Self> {
        match metadata.get(DIRECTION) {
            Some(direction) if direction != HIGHER => Err(Error::Data(
                Problem::new(format!("`memoscope.{DIRECTION}` is `{}`, not `{HIGHER}`", printable(direction)))
                    .at(path)
                    .hint("write a score of which higher values are better, such as 1 minus the error rate"),
            )),
            _ => Ok(metadata.get(NAME).map_or(Self::UNNAMED, |name| Self { name: Cow::Owned(name.clone()) })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_read_as_they_are_written() {
        let mut metadata = Metadata::new();
        assert_eq!(DevScore::of(&metadata, Path::new("c")).unwrap(), DevScore::UNNAMED);
        DevScore::F1.describe(&mut metadata);
        assert_eq!(DevScore::of(&metadata, Path::new("c")).unwrap(), DevScore::F1);
        metadata.insert(DIRECTION.into(), "lower".into());
        let error = DevScore::of(&metadata, Path::new("c")).unwrap_err();
        assert_eq!(error.to_string(), "c: `memoscope.dev_score_direction` is `lower`, not `higher`");
    }
}
