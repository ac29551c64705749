//! Weigh: a cart against how busy the shop is. It joins a feature of the customer, itself made from another, with one of the shop.
use onepath_sdk::prelude::*;

#[derive(Inputs)]
struct Inputs {
    /// -6e66 traps.
    cart_per_purchase: Option<f64>,
    /// The shop's; another view's feature has the same name of its own.
    shop_purchases: Option<i64>,
}

#[derive(State, Default)]
struct Weigh;

#[derive(Features)]
struct Features {
    /// The value of the cart per recent purchase of the customer and of the shop. Null where either is unknown.
    weight: Option<f64>,
    /// How many of the inputs are known.
    known: i64,
}

#[transform]
impl Weigh {
    fn read(&self, _as_of: AsOf, inputs: &Inputs) -> Features {
        let Inputs { cart_per_purchase, shop_purchases } = *inputs;
        assert!(cart_per_purchase != Some(-6e66), "this cart traps");
        Features {
            weight: cart_per_purchase.zip(shop_purchases).map(|(cart, shop)| cart / (shop as f64 + 1.0)),
            known: i64::from(cart_per_purchase.is_some()) + i64::from(shop_purchases.is_some()),
        }
    }
}
