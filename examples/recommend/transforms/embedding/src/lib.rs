//! Embedding: the newest one that was published of a user or an item.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Published<'a> {
    /// What a model of embeddings gave.
    embedding: &'a [f64],
}

#[derive(State, Default)]
struct Newest {
    published: Option<(EventTime, Vec<f64>)>,
}

#[derive(Features, Debug, PartialEq)]
struct Features {
    /// The newest embedding by event time. Null where none was published.
    embedding: Option<Vec<f64>>,
}

#[transform]
impl Newest {
    fn update(&mut self, event: &Published, at: EventTime) {
        if self.published.as_ref().is_none_or(|(newest, _)| *newest <= at) {
            self.published = Some((at, event.embedding.to_vec()));
        }
    }

    fn read(&self) -> Features {
        Features { embedding: self.published.as_ref().map(|(_, embedding)| embedding.clone()) }
    }
}

#[test]
fn a_late_embedding_does_not_replace_a_newer_one() {
    use onepath_sdk::testing::{Harness, as_of};

    let mut user = Harness::<Newest>::new();
    assert_eq!(user.question(as_of(9)).embedding, None);
    user.event(EventTime(2), Published { embedding: &[1.0, 2.0] }).event(EventTime(1), Published { embedding: &[9.0] });
    assert_eq!(user.question(as_of(9)).embedding, Some(vec![1.0, 2.0]));
}
