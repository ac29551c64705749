//! Answers every call with texts of 60 megabytes together: below the limits, and too much for one who keeps several answers.

use guests::{Column, Description, Guest, Rows, Texts, ValueType, Values, column, description, field, questions};

/// Bytes of all texts of a call.
const BYTES: usize = 60 << 20;

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![field("value", ValueType::Text)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        let questions = questions(input);
        let length = BYTES / questions.max(1);
        let ends = (1..=questions).map(|question| (question * length) as u32).collect();
        vec![column(Values::Texts(Texts { ends, bytes: vec![b'x'; questions * length] }))]
    }
}

guests::export!(Spoiled);
