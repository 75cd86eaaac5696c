//! What is set for the account as a whole: account properties, and the preference for tokens of STS's
//! global endpoint.
//!
//! AWS knows one property, `RoleManager/Enabled` (IAM user guide, "Role manager"), `false` where it
//! was never set.

use crate::caller::Need;
use crate::entity::AccountSettings;
use crate::error::Error;
use crate::names::{AccountPropertyKey, AccountPropertyValue};
use crate::operation::{Call, Granted, Operation, Service};
use locum_policy::Value;
use std::collections::BTreeMap;

const NAMESPACE: &str = "RoleManager";
const ENABLED: &str = "RoleManager/Enabled";
/// The service whose role AWS makes when role manager is enabled.
const ROLE_MANAGER: &str = "role-manager.iam.amazonaws.com";
const ITS_ROLE: &str =
    "role/aws-service-role/role-manager.iam.amazonaws.com/AWSServiceRoleForIAMRoleManager";

/// `iam:AccountPropertyNamespaces`, which has several values.
fn in_namespaces<'a>(
    mut need: Need<'a>,
    namespaces: impl IntoIterator<Item = &'a str>,
) -> Need<'a> {
    let namespaces = namespaces.into_iter().map(Into::into).collect();
    need.keys.push((
        "iam:accountpropertynamespaces".into(),
        Value::Many(namespaces),
    ));
    need
}

/// GetAccountProperties: every property with its value.
#[derive(Clone, Copy, Debug)]
pub struct GetAccountProperties;

impl Operation for GetAccountProperties {
    type Output = BTreeMap<&'static str, String>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetAccountProperties";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let need = Need::new("iam:GetAccountProperties", "*");
        call.allow(&in_namespaces(need, [NAMESPACE]))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let enabled = call.account()?.settings().role_manager_enabled;
        Ok(BTreeMap::from([(ENABLED, enabled.to_string())]))
    }
}

/// PutAccountProperties
#[derive(Clone, Debug)]
pub struct PutAccountProperties {
    /// `Properties`
    pub properties: Vec<(AccountPropertyKey, AccountPropertyValue)>,
}

impl PutAccountProperties {
    /// What `RoleManager/Enabled` is to be.
    fn role_manager_enabled(&self) -> Result<bool, Error> {
        let refused = |text: String| Err(Error::InvalidInput(text));
        let mut namespaces = Vec::new();
        for (key, _) in &self.properties {
            match key.as_str().split_once('/') {
                Some((namespace, name)) if !name.is_empty() && !name.contains('/') => {
                    namespaces.push(namespace);
                }
                _ => {
                    return refused(format!(
                        "Property key must be in format Namespace/PropertyName: {key}"
                    ));
                }
            }
        }
        let Some(first) = namespaces.first() else {
            return refused("Properties must not be empty".to_owned());
        };
        if namespaces.iter().any(|namespace| namespace != first) {
            return refused("All properties must belong to the same namespace".to_owned());
        }
        if *first != NAMESPACE {
            return refused(format!("Unsupported namespace: {first}"));
        }
        let unknown = self
            .properties
            .iter()
            .find(|(key, _)| key.as_str() != ENABLED);
        if let Some((key, _)) = unknown {
            return refused(format!("Unsupported property: {key}"));
        }
        match self.properties.as_slice() {
            [(_, value)] if value.as_str() == "true" => Ok(true),
            [(_, value)] if value.as_str() == "false" => Ok(false),
            [_] => refused("Enabled must be 'true' or 'false'".to_owned()),
            _ => refused("A property must be given once".to_owned()),
        }
    }
}

impl Operation for PutAccountProperties {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "PutAccountProperties";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let keys = self.properties.iter().map(|(key, _)| key.as_str());
        let namespaces = keys.map(|key| key.split('/').next().unwrap_or_default());
        let need = Need::new("iam:PutAccountProperties", "*");
        let granted = call.allow(&in_namespaces(need, namespaces))?;
        if matches!(self.role_manager_enabled(), Ok(true)) {
            // AWS wants this though the role is there.
            let role = call.account()?.iam_arn(ITS_ROLE);
            let need = Need::new("iam:CreateServiceLinkedRole", role);
            call.allow(&need.key("iam:awsservicename", ROLE_MANAGER))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        let enabled = self.role_manager_enabled()?;
        change_settings(call, |settings| settings.role_manager_enabled = enabled).await
    }
}

/// SetSecurityTokenServicePreferences. Every token is good in every region here: the preference is
/// shown by GetAccountSummary, and that is all.
#[derive(Clone, Copy, Debug)]
pub struct SetSecurityTokenServicePreferences {
    /// `GlobalEndpointTokenVersion`: 1 or 2.
    pub global_endpoint_token_version: u8,
}

impl Operation for SetSecurityTokenServicePreferences {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "SetSecurityTokenServicePreferences";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:SetSecurityTokenServicePreferences", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        let version = Some(self.global_endpoint_token_version);
        change_settings(call, |settings| {
            settings.global_endpoint_token_version = version;
        })
        .await
    }
}

async fn change_settings(
    call: &Call<'_>,
    change: impl Fn(&mut AccountSettings) + Send + Sync,
) -> Result<(), Error> {
    call.change(|draft| {
        let before = draft.account.settings();
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            draft.change.put(after);
        }
        Ok(())
    })
    .await
}
