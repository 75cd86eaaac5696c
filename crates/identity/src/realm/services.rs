//! Registering services, and their access keys.

use super::{Realm, generate_secret};
use crate::entity::Change;
use crate::environment::Seconds;
use crate::error::Error;
use crate::ids::AccessKeyId;
use crate::sealing::Secret;
use crate::services::{MOST_KEYS, ServiceKey, ServiceName, ServicePrincipal, service_key_purpose};
use std::fmt;
use std::sync::Arc;

/// An access key of a service, with the secret that is shown once.
#[derive(Clone, Debug)]
pub struct NewServiceKey {
    /// Whose it is.
    pub service: ServiceName,
    /// `AKIA…`
    pub access_key_id: AccessKeyId,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// When it was made.
    pub created: Seconds,
}

/// Why a service is not changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ServiceFault {
    /// There is one of that name already.
    Exists,
    /// There is none of that name.
    Unknown,
}

impl fmt::Display for ServiceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exists => "there is a service of that name already",
            Self::Unknown => "there is no service of that name",
        })
    }
}

impl Realm {
    /// The services that may call, by name.
    pub fn services(&self) -> Vec<Arc<ServicePrincipal>> {
        self.directory().services().iter().cloned().collect()
    }

    /// Registers a service, with its first access key.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]. The inner one is why there is no new service.
    pub async fn create_service(
        &self,
        name: &ServiceName,
    ) -> Result<Result<NewServiceKey, ServiceFault>, Error> {
        self.change_service("CreateService", |known, change| {
            if known(name).is_some() {
                return Ok(Err(ServiceFault::Exists));
            }
            let (key, shown) = self.new_service_key(name)?;
            change.put(ServicePrincipal {
                name: name.clone(),
                created: key.created,
                keys: vec![key],
            });
            Ok(Ok(shown))
        })
        .await
    }

    /// Gives a service another access key. The one before keeps working until the next time, unless
    /// `at_once`: then every earlier one ends.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]. The inner one is why there is no new key.
    pub async fn rotate_service_key(
        &self,
        name: &ServiceName,
        at_once: bool,
    ) -> Result<Result<NewServiceKey, ServiceFault>, Error> {
        self.change_service("RotateServiceKey", |known, change| {
            let Some(before) = known(name) else {
                return Ok(Err(ServiceFault::Unknown));
            };
            let (key, shown) = self.new_service_key(name)?;
            let kept = if at_once { 0 } else { MOST_KEYS - 1 };
            let keys = before.keys.iter().rev().take(kept).rev().cloned();
            change.put(ServicePrincipal {
                keys: keys.chain([key]).collect(),
                ..ServicePrincipal::clone(&before)
            });
            Ok(Ok(shown))
        })
        .await
    }

    /// Forgets a service: its access keys end. Sessions that it asked for run to their end.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]. The inner one is why nothing was forgotten.
    pub async fn delete_service(
        &self,
        name: &ServiceName,
    ) -> Result<Result<(), ServiceFault>, Error> {
        self.change_service("DeleteService", |known, change| {
            let Some(before) = known(name) else {
                return Ok(Err(ServiceFault::Unknown));
            };
            change.delete(ServicePrincipal::clone(&before));
            Ok(Ok(()))
        })
        .await
    }

    async fn change_service<T: Send>(
        &self,
        action: &str,
        mutate: impl Fn(
            &dyn Fn(&ServiceName) -> Option<Arc<ServicePrincipal>>,
            &mut Change,
        ) -> Result<T, Error>
        + Send
        + Sync,
    ) -> Result<T, Error> {
        let origin = self.own_origin(action);
        self.change_directory_if(&origin, None, |directory, change| {
            let known = |name: &ServiceName| directory.services().named(name.as_str()).cloned();
            mutate(&known, change)
        })
        .await
    }

    fn new_service_key(&self, name: &ServiceName) -> Result<(ServiceKey, NewServiceKey), Error> {
        let entropy = &*self.environment.entropy;
        let created = self.environment.clock.now();
        let id = AccessKeyId::generate_without_account(entropy);
        let secret = generate_secret(entropy);
        let purpose = service_key_purpose(name, &id);
        let key = ServiceKey {
            id: id.clone(),
            secret: self
                .root_key
                .seal(&purpose, secret.expose().as_bytes(), entropy)?,
            created,
        };
        let shown = NewServiceKey {
            service: name.clone(),
            access_key_id: id,
            secret_access_key: secret,
            created,
        };
        Ok((key, shown))
    }
}
