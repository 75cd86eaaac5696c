//! IAM Roles Anywhere: sessions of roles for who has a certificate of an authority that the account trusts.
//!
//! Each operation follows its page of the API reference, version 2018-05-10. Trust anchors say whose
//! certificates count, profiles which roles they may ask for and what their sessions get, revocation lists
//! which certificates count no more. `CreateSession`, which no model has, is in the user guide.

mod crls;
mod fault;
mod mapping;
mod presented;
mod profiles;
mod resource;
mod session;
mod standing;
mod subjects;
mod tags;
mod trust_anchors;

pub use crls::{ImportCrl, UpdateCrl};
pub use fault::AnywhereFault;
pub use presented::PresentedCertificate;
pub use profiles::{
    CreateProfile, DeleteAttributeMapping, ProfileSettings, PutAttributeMapping, UpdateProfile,
};
pub use resource::{AnywhereResource, Delete, Get, List, Made, Switch, Updated, View};
pub use session::{CreateSession, CreatedSession};
pub(crate) use standing::{Standing, certificate_stands, is_trust_anchor};
pub use subjects::{GetSubject, ListSubjects, SubjectView};
pub use tags::{ListTagsForResource, TagResource, UntagResource};
pub use trust_anchors::{
    CreateTrustAnchor, DEFAULT_THRESHOLD, PutNotificationSettings, ResetNotificationSettings,
    SourceType, TrustAnchorSource, UpdateTrustAnchor,
};

use crate::entity::{AnywhereCrl, AnywhereProfile, TrustAnchor};

/// GetTrustAnchor
pub type GetTrustAnchor = Get<TrustAnchor>;
/// ListTrustAnchors
pub type ListTrustAnchors = List<TrustAnchor>;
/// DeleteTrustAnchor
pub type DeleteTrustAnchor = Delete<TrustAnchor>;
/// EnableTrustAnchor
pub type EnableTrustAnchor = Switch<TrustAnchor, true>;
/// DisableTrustAnchor
pub type DisableTrustAnchor = Switch<TrustAnchor, false>;
/// GetProfile
pub type GetProfile = Get<AnywhereProfile>;
/// ListProfiles
pub type ListProfiles = List<AnywhereProfile>;
/// DeleteProfile
pub type DeleteProfile = Delete<AnywhereProfile>;
/// EnableProfile
pub type EnableProfile = Switch<AnywhereProfile, true>;
/// DisableProfile
pub type DisableProfile = Switch<AnywhereProfile, false>;
/// GetCrl
pub type GetCrl = Get<AnywhereCrl>;
/// ListCrls
pub type ListCrls = List<AnywhereCrl>;
/// DeleteCrl
pub type DeleteCrl = Delete<AnywhereCrl>;
/// EnableCrl
pub type EnableCrl = Switch<AnywhereCrl, true>;
/// DisableCrl
pub type DisableCrl = Switch<AnywhereCrl, false>;
