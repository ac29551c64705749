//! States in words, for people who look into a transform.

use std::fmt::Debug;

use crate::state::decode_all;
use crate::transform::Transform;

/// What the bytes of a state hold, by the state's `Debug`. No bytes are the state of an entity without events. `#[transform(debug)]`
/// has the component export it.
pub fn debug_state<T: Transform + Debug>(bytes: &[u8]) -> Result<String, String> {
    let state = match bytes {
        [] => T::default(),
        bytes => decode_all(bytes).map_err(|error| error.to_string())?,
    };
    Ok(format!("{state:#?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[derive(State, Default, Debug)]
    struct Spending {
        payments: Window<f64, Days<30>>,
        merchants: Distinct<String>,
        count: i64,
    }

    #[derive(Features)]
    struct Features {
        count: i64,
    }

    #[transform(debug)]
    impl Spending {
        fn read(&self) -> Features {
            Features { count: self.count }
        }
    }

    #[test]
    fn a_state_is_told_by_its_debug() {
        let mut state = Spending { count: 2, ..Spending::default() };
        state.payments.push(EventTime(7), 12.5);
        state.merchants.push(EventTime(7), "m1");
        let mut bytes = Vec::new();
        state.encode(&mut bytes);
        let text = debug_state::<Spending>(&bytes).expect("is a state");
        assert_eq!(text, format!("{state:#?}"));
        assert!(text.contains("12.5") && text.contains("\"m1\"") && text.contains("count: 2"), "{text}");
        assert_eq!(debug_state::<Spending>(&[]), Ok(format!("{:#?}", Spending::default())));
        assert_eq!(debug_state::<Spending>(&[1]), Err("the state ends too early".to_owned()));
    }
}
