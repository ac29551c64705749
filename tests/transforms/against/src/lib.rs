//! Against: the cart against all that was spent and how often the customer bought. It reads events, a feature of another view and
//! the request at once.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event {
    amount: f64,
}

#[derive(Request)]
struct Request {
    cart_value: f64,
}

#[derive(Inputs)]
struct Inputs {
    purchase_count_30d: i64,
}

#[derive(State, Default)]
struct Against {
    spent: f64,
}

#[derive(Features)]
struct Features {
    /// The cart as a part of all that was spent, with it, for each recent purchase.
    share: Option<f64>,
}

#[transform]
impl Against {
    fn update(&mut self, event: &Event) {
        self.spent += event.amount;
    }

    fn read(&self, request: &Request, inputs: &Inputs) -> Features {
        let share = numeric::ratio(request.cart_value, self.spent + request.cart_value);
        Features { share: share.and_then(|share| numeric::ratio(share, inputs.purchase_count_30d as f64)) }
    }
}
