//! Match: how a user and an item fit together at the moment of the question. It joins features of views of both, and remembers
//! nothing.
use onepath_sdk::prelude::*;

#[derive(Inputs, Default)]
struct Inputs<'a> {
    user_embedding: Option<&'a [f64]>,
    item_embedding: Option<&'a [f64]>,
    user_mean: Option<f64>,
    item_mean: Option<f64>,
}

#[derive(State, Default)]
struct Match;

#[derive(Features)]
struct Features {
    /// Cosine of the two embeddings. Null where one is missing or zero, or they differ in length.
    embedding_cosine: Option<f64>,
    /// How much better the item is rated than this user usually rates. Null where either has no rating.
    rating_advantage: Option<f64>,
    /// The time of day in Central European summer time on a circle: its sine.
    hour_sin: f64,
    /// The time of day in Central European summer time on a circle: its cosine.
    hour_cos: f64,
}

#[transform]
impl Match {
    fn read(&self, inputs: &Inputs, as_of: AsOf) -> Features {
        let embeddings = inputs.user_embedding.zip(inputs.item_embedding);
        let (hour_sin, hour_cos) = as_of.calendar(Offset::hours(2)).day_circle();
        Features {
            embedding_cosine: embeddings.and_then(|(user, item)| embedding::cosine(user, item)),
            rating_advantage: inputs.item_mean.zip(inputs.user_mean).map(|(item, user)| item - user),
            hour_sin,
            hour_cos,
        }
    }
}

#[cfg(test)]
mod tests {
    use onepath_sdk::testing::{Harness, as_of};

    use super::*;

    fn matched(inputs: Inputs) -> Features {
        Harness::<Match>::new().question_with(as_of(hours(4).micros()), (), inputs)
    }

    #[test]
    fn what_fits_has_a_cosine_of_1() {
        let (user_embedding, item_embedding) = (Some(&[3.0, 4.0][..]), Some(&[6.0, 8.0][..]));
        assert_eq!(matched(Inputs { user_embedding, item_embedding, ..Inputs::default() }).embedding_cosine, Some(1.0));
        let fits = matched(Inputs { user_embedding, ..Inputs::default() });
        assert_eq!((fits.embedding_cosine, fits.rating_advantage), (None, None));
    }

    #[test]
    fn an_item_is_compared_with_what_the_user_is_used_to() {
        let inputs = Inputs { user_mean: Some(3.0), item_mean: Some(4.5), ..Inputs::default() };
        assert_eq!(matched(inputs).rating_advantage, Some(1.5));
    }

    #[test]
    fn six_in_the_morning_is_a_quarter_of_the_circle() {
        let features = matched(Inputs::default());
        assert_eq!(features.hour_sin, 1.0);
        assert!(features.hour_cos.abs() < 1e-15);
    }
}
