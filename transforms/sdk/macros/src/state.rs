//! `State` for a struct: its fields, one after the other.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Result};

/// The implementation of `State`.
pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.ident.span(), "State is derived for a struct; an enum needs one written by hand"));
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new(parameter.span(), "a state that is derived cannot be generic"));
    }
    let ident = &input.ident;
    let members: Vec<_> = data.fields.members().collect();
    let types = data.fields.iter().map(|field| &field.ty);
    // The span is that of the field's type, so that a type that is no state is marked itself.
    let states: Vec<_> =
        types.map(|state| quote_spanned!(state.span()=> <#state as ::onepath_sdk::state::State>)).collect();
    Ok(quote! {
        #[automatically_derived]
        impl ::onepath_sdk::state::State for #ident {
            #[allow(unused_variables, reason = "a unit state has no bytes")]
            fn encode(&self, bytes: &mut ::std::vec::Vec<u8>) {
                #(#states::encode(&self.#members, bytes);)*
            }

            #[allow(unused_variables, reason = "a unit state has no bytes")]
            fn decode(bytes: &mut &[u8]) -> ::core::result::Result<Self, ::onepath_sdk::state::StateError> {
                ::core::result::Result::Ok(Self { #(#members: #states::decode(bytes)?),* })
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn wrong_shapes_are_refused() {
        let cases: [(DeriveInput, &str); 2] = [
            (
                parse_quote!(
                    enum S {
                        A,
                    }
                ),
                "State is derived for a struct; an enum needs one written by hand",
            ),
            (
                parse_quote!(
                    struct S<T>(T);
                ),
                "a state that is derived cannot be generic",
            ),
        ];
        for (input, expected) in cases {
            assert_eq!(expand(&input).unwrap_err().to_string(), expected);
        }
    }
}
