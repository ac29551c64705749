//! The fields of a JSON object, with their values as they are written: of a line of NDJSON, an event of the log, a request.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Names of an object that are compared one by one; beyond, they are hashed.
const NAMES_COMPARED_MAX: usize = 16;

/// A JSON object in the order of its names, each at most once, its values unread.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                // A few names are compared faster than they are hashed, and an event is a few names.
                let mut seen = HashSet::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    if fields.len() == NAMES_COMPARED_MAX {
                        seen.extend(fields.iter().map(|(name, _)| name.clone()));
                    }
                    let is_new = match fields.len() < NAMES_COMPARED_MAX {
                        true => fields.iter().all(|(known, _)| *known != name),
                        false => seen.insert(name.clone()),
                    };
                    if !is_new {
                        return Err(serde::de::Error::custom(format!("{name:?} is given twice")));
                    }
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'a> Fields<'a> {
    /// The value of a field, looked for first at the place where it was in the object before; the place is kept.
    pub(crate) fn find(&self, name: &str, place: &mut usize) -> Option<&'a RawValue> {
        match self.0.get(*place) {
            Some((here, value)) if here == name => Some(value),
            _ => {
                *place = self.0.iter().position(|(other, _)| other == name)?;
                Some(self.0[*place].1)
            }
        }
    }
}

/// A name, borrowed where it holds no escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_given_twice_is_told() {
        let error = serde_json::from_str::<Fields<'_>>(r#"{"a": 1, "b": 2, "\u0061": 3}"#).expect_err("twice");
        assert!(error.to_string().starts_with("\"a\" is given twice"), "{error}");
        for count in [1, 15, 16, 17, 40] {
            let names = (0..count).map(|n| format!("\"f{n}\": {n}")).collect::<Vec<_>>().join(", ");
            let good = format!("{{{names}}}");
            assert_eq!(serde_json::from_str::<Fields<'_>>(&good).expect("fields").0.len(), count);
            let twice = format!("{{{names}, \"f0\": 0}}");
            let error = serde_json::from_str::<Fields<'_>>(&twice).expect_err("twice");
            assert!(error.to_string().starts_with("\"f0\" is given twice"), "{error}");
        }
        let fields = serde_json::from_str::<Fields<'_>>(r#"{"b": [1, {}], "a": null}"#).expect("fields");
        let fields: Vec<_> = fields.0.iter().map(|(name, value)| (&**name, value.get())).collect();
        assert_eq!(fields, [("b", "[1, {}]"), ("a", "null")]);
    }
}
