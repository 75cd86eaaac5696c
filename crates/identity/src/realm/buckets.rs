//! Buckets as identity knows them: who owns one, and its policy. Authorizing is the data plane's.

use super::Realm;
use crate::account::{Account, BucketState};
use crate::entity::{Bucket, BucketOwner};
use crate::error::Error;
use crate::ids::lower_case_id;
use crate::names::AccountId;
use crate::port::Origin;
use crate::trust;
use locum_policy::{Kind, Policy};
use std::sync::Arc;

/// What became of creating a bucket.
#[derive(Clone, Debug)]
pub enum CreatedBucket {
    /// It is there now.
    Created,
    /// The account owns it already: it is as it was.
    OwnedByYou(Arc<BucketState>),
    /// Another account has the name.
    OwnedByAnother,
}

impl Realm {
    /// Creates a bucket of `account`. Bucket names are one name space over all accounts.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub async fn create_bucket(
        &self,
        account: AccountId,
        name: &str,
        region: &str,
        origin: &Origin,
    ) -> Result<CreatedBucket, Error> {
        self.change_with_directory(
            |_| Ok(account),
            origin,
            None,
            |directory, realm, draft| match directory.owner_of_bucket(name) {
                Some(owner) if owner == account => Ok(match draft.account.buckets.get(name) {
                    Some(state) => CreatedBucket::OwnedByYou(state.clone()),
                    None => CreatedBucket::OwnedByAnother,
                }),
                Some(_) => Ok(CreatedBucket::OwnedByAnother),
                None => {
                    realm.put(BucketOwner {
                        name: name.to_owned(),
                        account,
                    });
                    draft.change.put(Bucket {
                        name: name.to_owned(),
                        address: lower_case_id(20, draft.entropy),
                        created: draft.now,
                        region: region.to_owned(),
                        policy: None,
                    });
                    Ok(CreatedBucket::Created)
                }
            },
        )
        .await
    }

    /// Deletes a bucket, if it is still that one and not another under its name: what was found
    /// out about it (that it is empty, say) holds for that one only. That it is empty is for the
    /// data plane to have made sure of.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`], [`Error::ServiceUnavailable`]
    pub async fn delete_bucket(&self, bucket: &BucketState, origin: &Origin) -> Result<(), Error> {
        self.change_with_directory(
            |_| Ok(bucket.owner),
            origin,
            None,
            |_, realm, draft| {
                let state = same_bucket(draft.account, bucket)?;
                realm.delete(BucketOwner {
                    name: state.bucket.name.clone(),
                    account: bucket.owner,
                });
                draft.change.delete(state.bucket.clone());
                Ok(())
            },
        )
        .await
    }

    /// Replaces (or with `None` removes) a bucket's policy, if it is still that bucket. Principals
    /// in the policy must exist.
    ///
    /// # Errors
    /// [`Error::MalformedPolicyDocument`], [`Error::NoSuchBucket`], [`Error::ServiceUnavailable`]
    pub async fn put_bucket_policy(
        &self,
        bucket: &BucketState,
        policy: Option<&str>,
        origin: &Origin,
    ) -> Result<(), Error> {
        let stored = match policy {
            Some(text) => {
                Some(trust::to_stored(self, &Policy::parse(text, Kind::Resource)?).await?)
            }
            None => None,
        };
        self.change(bucket.owner, origin, |draft| {
            let state = same_bucket(draft.account, bucket)?;
            draft.change.put(Bucket {
                policy: stored.clone(),
                ..state.bucket.clone()
            });
            Ok(())
        })
        .await
    }

    /// A bucket's policy as a reader sees it: principals by their current ARNs.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub async fn bucket_policy(&self, bucket: &BucketState) -> Result<Option<String>, Error> {
        match &bucket.bucket.policy {
            Some(text) => Ok(Some(trust::to_shown(self, text, Kind::Resource).await?)),
            None => Ok(None),
        }
    }
}

/// The bucket as it is in `account` now, if it is the one that `known` was.
fn same_bucket<'a>(account: &'a Account, known: &BucketState) -> Result<&'a BucketState, Error> {
    let state = account.buckets.get(&known.bucket.name);
    state
        .filter(|state| state.bucket.address == known.bucket.address)
        .map(|state| &**state)
        .ok_or(Error::NoSuchBucket)
}
