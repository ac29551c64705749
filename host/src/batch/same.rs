//! Whether two answers are the same in bits, and where they first differ.

use super::{Answers, Column, Float64Lists, Values};
use crate::schema::Description;

/// The first place where two answers to the same rows differ.
#[derive(Clone, Debug)]
pub enum Difference {
    /// A feature of a question.
    Feature {
        /// The feature's position.
        feature: usize,
        /// The question's position among the questions.
        question: usize,
        /// Both values and their bits.
        values: [(String, String); 2],
    },
    /// The state of a group.
    State {
        /// The group.
        group: usize,
        /// The bytes of both.
        states: [Vec<u8>; 2],
    },
    /// Answers of different shape.
    Shape,
}

impl Answers {
    /// The first difference in bits: features first, question by question, then the states of the groups.
    pub fn first_difference(&self, other: &Self) -> Option<Difference> {
        if self.features.len() != other.features.len() {
            return Some(Difference::Shape);
        }
        let columns = self.features.iter().zip(&other.features).enumerate();
        let rows = columns.filter_map(|(feature, (a, b))| Some((a.first_difference(b)?, feature)));
        if let Some((question, feature)) = rows.min() {
            let (a, b) = (&self.features[feature], &other.features[feature]);
            if question >= a.len().min(b.len()) {
                return Some(Difference::Shape);
            }
            let values = [a, b].map(|column| column.value(question)).map(|value| (value.to_string(), value.hex()));
            return Some(Difference::Feature { feature, question, values });
        }
        match (&self.states, &other.states) {
            (Some(a), Some(b)) if a.len() == b.len() => {
                let group = (0..a.len()).find(|group| a.get(*group) != b.get(*group))?;
                Some(Difference::State { group, states: [a.get(group).to_vec(), b.get(group).to_vec()] })
            }
            (None, None) => None,
            _ => Some(Difference::Shape),
        }
    }
}

impl Column {
    /// Whether `row` of this column is, bit for bit, `other_row` of the other.
    pub fn same_row(&self, row: usize, other: &Self, other_row: usize) -> bool {
        match (self.is_null(row), other.is_null(other_row)) {
            (false, false) => {}
            (one, two) => return one && two,
        }
        match (self.values(), other.values()) {
            (Values::Booleans(a), Values::Booleans(b)) => a[row] == b[other_row],
            (Values::Int64s(a), Values::Int64s(b)) | (Values::Times(a), Values::Times(b)) => a[row] == b[other_row],
            (Values::Float64s(a), Values::Float64s(b)) => a[row].to_bits() == b[other_row].to_bits(),
            (Values::Texts(_), Values::Texts(_)) => self.text(row) == other.text(other_row),
            _ => self.value(row).same_bits(&other.value(other_row)),
        }
    }

    /// The first row in which two columns differ in bits; floats by their 64 bits.
    pub fn first_difference(&self, other: &Self) -> Option<usize> {
        if self.len() != other.len() || self.value_type() != other.value_type() {
            return Some(self.len().min(other.len()));
        }
        let floats =
            |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        let same = match (self.values(), other.values()) {
            (Values::Float64s(a), Values::Float64s(b)) => floats(a, b),
            (Values::Float64Lists(a), Values::Float64Lists(b)) => {
                let (Float64Lists { ends: a_ends, values: a }, Float64Lists { ends: b_ends, values: b }) = (a, b);
                a_ends == b_ends && floats(a, b)
            }
            (a, b) => a == b,
        };
        let same_nulls = self.nulls() == other.nulls() || self.null_count() + other.null_count() == 0;
        if same && same_nulls {
            return None;
        }
        (0..self.len()).find(|row| !self.value(*row).same_bits(&other.value(*row)))
    }
}

impl Difference {
    /// The difference in words, where `first` and `second` name the two sides.
    pub fn tell(&self, description: &Description, first: &str, second: &str) -> String {
        match self {
            Self::Feature { feature, question, values: [(a, a_bits), (b, b_bits)] } => {
                let name = description.output_features.get(*feature).map_or("?", |field| field.name.as_str());
                let question = question + 1;
                format!(
                    "feature {name} of question {question} is {a} ({a_bits}) by {first} and {b} ({b_bits}) by {second}"
                )
            }
            Self::State { group, states: [a, b] } => {
                let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
                let (group, a, b) = (group + 1, a.len(), b.len());
                format!(
                    "the state of entity {group} has {a} bytes by {first} and {b} bytes by {second}, and differs from byte {at}"
                )
            }
            Self::Shape => format!("the answers by {first} and by {second} have different shapes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{States, Value};
    use crate::schema::ValueType;

    fn column(values: &[Value]) -> Column {
        let mut column = Column::new(values.iter().find_map(Value::value_type).unwrap_or(ValueType::Float64));
        values.iter().for_each(|value| column.push(value).expect("values of one type"));
        column
    }

    #[test]
    fn columns_differ_by_bits() {
        let zero = column(&[Value::Float64(1.0), Value::Float64(0.0)]);
        assert_eq!(zero.first_difference(&zero), None);
        assert_eq!(zero.first_difference(&column(&[Value::Float64(1.0), Value::Float64(-0.0)])), Some(1));
        assert_eq!(zero.first_difference(&column(&[Value::Float64(1.0), Value::Null])), Some(1));
        let nan = column(&[Value::Float64(f64::NAN)]);
        assert_eq!(nan.first_difference(&nan.clone()), None);
        assert!(zero.same_row(1, &zero, 1) && !zero.same_row(0, &zero, 1));
        let nulls = column(&[Value::Null, Value::Float64(0.0)]);
        let whole = column(&[Value::Null, Value::Int64(0)]);
        assert!(nulls.same_row(0, &whole, 0) && !nulls.same_row(1, &whole, 1) && !nulls.same_row(0, &zero, 1));
        // Texts that run together alike are still two different pairs.
        let texts = |a: &str, b: &str| column(&[Value::Text(a.to_owned()), Value::Text(b.to_owned())]);
        assert_eq!(texts("ab", "c").first_difference(&texts("a", "bc")), Some(0));
    }

    #[test]
    fn states_count_after_features() {
        let answers = |number: f64, state: &[u8]| {
            let mut states = States::default();
            states.push(b"same").expect("short");
            states.push(state).expect("short");
            Answers { features: vec![column(&[Value::Float64(number)])], states: Some(states) }
        };
        let base = answers(1.0, b"ab");
        assert!(base.first_difference(&answers(1.0, b"ab")).is_none());
        assert!(matches!(base.first_difference(&answers(1.0, b"ac")), Some(Difference::State { group: 1, .. })));
        assert!(matches!(base.first_difference(&answers(2.0, b"ac")), Some(Difference::Feature { feature: 0, .. })));
    }
}
