//! `#[derive(Connect)]` for the capabilities of a handler: a struct whose fields are capabilities.
//!
//! ```ignore
//! #[derive(Connect)]
//! pub struct Deps {
//!     pub store: Store,
//!     pub stripe: Stripe,
//! }
//! ```
//!
//! The struct requires the variables of all its fields and connects them in their order.

use proc_macro::TokenStream;
use quote::quote;
use syn::{Data, DataStruct, DeriveInput, Fields, parse_macro_input};

/// Implements `runtime::Connect` for a struct with named fields that implement it.
#[proc_macro_derive(Connect)]
pub fn derive_connect(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let Data::Struct(DataStruct { fields: Fields::Named(fields), .. }) = &input.data else {
        let error = syn::Error::new_spanned(&input.ident, "capabilities are named fields");
        return error.into_compile_error().into();
    };
    let name = &input.ident;
    let fields: Vec<_> = fields.named.iter().map(|field| (&field.ident, &field.ty)).collect();
    let (names, types): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    quote! {
        impl ::runtime::Connect for #name {
            fn variables() -> ::std::vec::Vec<&'static str> {
                let mut names = [#(<#types as ::runtime::Connect>::variables()),*].concat();
                names.sort_unstable();
                names.dedup();
                names
            }
            async fn connect(
                env: &::runtime::Environment,
                aws: &::runtime::Aws,
            ) -> ::std::result::Result<Self, ::runtime::InitError> {
                ::std::result::Result::Ok(#name {
                    #(#names: <#types as ::runtime::Connect>::connect(env, aws).await?),*
                })
            }
            fn table(&self) -> ::std::option::Option<&dyn ::std::any::Any> {
                ::std::option::Option::None #(.or_else(|| self.#names.table()))*
            }
        }
    }
    .into()
}
