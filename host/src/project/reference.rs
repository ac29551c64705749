//! References to features: `view:feature`, `view@v2:feature`, and `view:*` for all of a view's.

use std::fmt;
use std::str::FromStr;

use super::names::is_identifier;

/// How one feature is written.
const FEATURE_FORMS: &str = "view:feature or view@v2:feature";

/// How one feature, or all of a view's, are written.
pub(super) const SELECTION_FORMS: &str = "view:feature, view@v2:feature or view:*";

/// One feature of a view. Without a version it is of the view's highest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeatureReference {
    /// The view's name.
    pub view: String,
    /// The view's version, from 1.
    pub version: Option<u32>,
    /// The feature's name.
    pub feature: String,
}

/// One feature of a view, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selection {
    /// One feature.
    One(FeatureReference),
    /// All features of a view, in its order: `view:*`.
    All {
        /// The view's name.
        view: String,
        /// The view's version, from 1; without one, the highest.
        version: Option<u32>,
    },
}

/// A text that is not a feature reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a feature reference: write {forms}")]
pub struct ReferenceError {
    text: String,
    forms: &'static str,
}

impl ReferenceError {
    pub(super) fn new(text: &str, forms: &'static str) -> Self {
        Self { text: text.to_owned(), forms }
    }

    /// What is wrong, without help.
    pub(super) fn message(&self) -> String {
        format!("{:?} is not a feature reference", self.text)
    }

    /// What to write.
    pub(super) fn forms(&self) -> &'static str {
        self.forms
    }
}

impl Selection {
    /// The name of the view that is selected from.
    pub fn view(&self) -> &str {
        match self {
            Self::One(reference) => &reference.view,
            Self::All { view, .. } => view,
        }
    }

    /// The version of the view that is selected from, where one is given.
    pub fn version(&self) -> Option<u32> {
        match self {
            Self::One(reference) => reference.version,
            Self::All { version, .. } => *version,
        }
    }
}

/// The parts of `name` or `name@v2`, or `None` where it is neither. Each version has one spelling: digits without a leading 0.
pub(super) fn versioned(text: &str) -> Option<(&str, Option<u32>)> {
    let Some((name, version)) = text.split_once("@v") else {
        return is_identifier(text).then_some((text, None));
    };
    let canonical = version.bytes().all(|digit| digit.is_ascii_digit()) && !version.starts_with('0');
    let version = if canonical { version.parse().ok() } else { None };
    (is_identifier(name) && version.is_some()).then_some((name, version))
}

impl FromStr for FeatureReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        match text.parse() {
            Ok(Selection::One(reference)) => Ok(reference),
            _ => Err(ReferenceError::new(text, FEATURE_FORMS)),
        }
    }
}

impl FromStr for Selection {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = || ReferenceError::new(text, SELECTION_FORMS);
        let (view, feature) = text.split_once(':').ok_or_else(wrong)?;
        let (view, version) = versioned(view).ok_or_else(wrong)?;
        let view = view.to_owned();
        match feature {
            "*" => Ok(Self::All { view, version }),
            _ if is_identifier(feature) => {
                Ok(Self::One(FeatureReference { view, version, feature: feature.to_owned() }))
            }
            _ => Err(wrong()),
        }
    }
}

/// Writes `view:`, or `view@v2:` where there is a version.
fn write_view(f: &mut fmt::Formatter<'_>, view: &str, version: Option<u32>) -> fmt::Result {
    match version {
        Some(version) => write!(f, "{view}@v{version}:"),
        None => write!(f, "{view}:"),
    }
}

impl fmt::Display for FeatureReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_view(f, &self.view, self.version)?;
        f.write_str(&self.feature)
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(reference) => reference.fmt(f),
            Self::All { view, version } => {
                write_view(f, view, *version)?;
                f.write_str("*")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_as_they_are_written() {
        for text in ["a:b", "a@v1:b", "activity@v4294967295:purchase_count_30d", "_:_"] {
            let reference: FeatureReference = text.parse().expect("a reference");
            assert_eq!(reference.to_string(), text);
        }
        for text in ["a:*", "a@v2:*", "a:b", "a@v2:b"] {
            let selection: Selection = text.parse().expect("a selection");
            assert_eq!(selection.to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let texts = [
            "",
            "a",
            "a:",
            ":b",
            "a:b:c",
            "a b:c",
            "a@2:b",
            "a@v:b",
            "a@v0:b",
            "a@v02:b",
            "a@v+2:b",
            "a@v4294967296:b",
            "a@v1@v2:b",
            "a:b*",
            "*:b",
            "ä:b",
            " a:b",
        ];
        for text in texts {
            assert!(text.parse::<Selection>().is_err(), "{text}");
            assert!(text.parse::<FeatureReference>().is_err(), "{text}");
        }
        let error = "a:*".parse::<FeatureReference>().expect_err("all features are not one");
        assert_eq!(error.to_string(), r#""a:*" is not a feature reference: write view:feature or view@v2:feature"#);
    }
}
