//! DecodeAuthorizationMessage: why a request was refused, for those who may know.

use crate::caller::Need;
use crate::error::Error;
use crate::names::EncodedMessage;
use crate::operation::{Call, Granted, Operation, Service};

/// DecodeAuthorizationMessage: opens a message about a refusal in the caller's account.
#[derive(Clone, Debug)]
pub struct DecodeAuthorizationMessage {
    /// `EncodedMessage`
    pub encoded_message: EncodedMessage,
}

/// What DecodeAuthorizationMessage answers.
#[derive(Debug)]
pub struct DecodedMessage {
    /// `DecodedMessage`: JSON.
    pub decoded_message: String,
}

impl Operation for DecodeAuthorizationMessage {
    type Output = DecodedMessage;
    type Found = ();
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "DecodeAuthorizationMessage";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("sts:DecodeAuthorizationMessage", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<DecodedMessage, Error> {
        let account = call.account()?.id;
        let message = call
            .realm
            .authorization_message(self.encoded_message.as_str())
            .await?;
        // What is another account's looks like what is nobody's.
        if message.account != account {
            return Err(Error::InvalidAuthorizationMessage);
        }
        Ok(DecodedMessage {
            decoded_message: message.decoded(),
        })
    }
}
