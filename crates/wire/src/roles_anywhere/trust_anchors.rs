//! Trust anchors.

use super::{made, updated};
use crate::fields::Fields;
use crate::json::Shape;
use crate::node::{Members, Node};
use locum_identity::entity::{NotificationEvent, NotificationSetting, TrustAnchor};
use locum_identity::error::Error;
use locum_identity::names::Constraint;
use locum_identity::roles_anywhere::{
    CreateTrustAnchor, DEFAULT_THRESHOLD, PutNotificationSettings, ResetNotificationSettings,
    SourceType, TrustAnchorSource, UpdateTrustAnchor, View,
};

pub(super) const SOURCE: Shape = Shape::Structure(&[
    ("sourceType", Shape::Text),
    (
        "sourceData",
        Shape::Structure(&[
            ("x509CertificateData", Shape::Text),
            ("acmPcaArn", Shape::Text),
        ]),
    ),
]);
pub(super) const SETTINGS: Shape = Shape::List(&Shape::Structure(&[
    ("enabled", Shape::Boolean),
    ("event", Shape::Text),
    ("threshold", Shape::Integer),
    ("channel", Shape::Text),
]));
pub(super) const KEYS: Shape = Shape::List(&Shape::Structure(&[
    ("event", Shape::Text),
    ("channel", Shape::Text),
]));

const TYPES: &[&str] = &[
    "AWS_ACM_PCA",
    "CERTIFICATE_BUNDLE",
    "SELF_SIGNED_REPOSITORY",
];
const EVENTS: &[&str] = &["CA_CERTIFICATE_EXPIRY", "END_ENTITY_CERTIFICATE_EXPIRY"];
const ALL_EVENTS: [NotificationEvent; 2] = [
    NotificationEvent::AuthorityExpiry,
    NotificationEvent::EndEntityExpiry,
];
const MOST_SETTINGS: u32 = 50;

fn source(fields: &mut Fields<'_>) -> TrustAnchorSource {
    fields.structure("source", |fields| {
        let types = [
            SourceType::AcmPca,
            SourceType::CertificateBundle,
            SourceType::SelfSignedRepository,
        ];
        let source_type = fields.one_of("sourceType", TYPES, &types);
        let (certificates, acm_pca_arn) = fields.structure("sourceData", |fields| {
            (
                fields.optional("x509CertificateData"),
                fields.raw("acmPcaArn").map(str::to_owned),
            )
        });
        TrustAnchorSource {
            source_type,
            certificates,
            acm_pca_arn,
        }
    })
}

fn event(fields: &mut Fields<'_>) -> Option<NotificationEvent> {
    let event = fields.required_one_of("event", EVENTS, &ALL_EVENTS);
    fields.one_of("channel", &["ALL"], &[()]);
    event.ok()
}

fn settings(fields: &mut Fields<'_>) -> Vec<NotificationSetting> {
    fields.list("notificationSettings", MOST_SETTINGS, |fields| {
        fields.required_member("enabled");
        let enabled = fields.boolean("enabled");
        let threshold = fields.number("threshold", |number| match number {
            ..1 => Err(Constraint::MinValue(1)),
            1..=360 => Ok(number.unsigned_abs()),
            _ => Err(Constraint::MaxValue(360)),
        });
        Some(NotificationSetting {
            event: event(fields)?,
            enabled: enabled?,
            threshold,
        })
    })
}

pub(super) fn decode_create(fields: &mut Fields<'_>) -> Result<CreateTrustAnchor, Error> {
    let made = made(fields);
    fields.required_member("source");
    let source = source(fields);
    let distribution_points = fields.boolean("crlDpRevocationEnabled");
    let notifications = settings(fields);
    fields.check()?;
    Ok(CreateTrustAnchor {
        made: made()?,
        source,
        distribution_points: distribution_points.unwrap_or_default(),
        notifications,
    })
}

pub(super) fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateTrustAnchor, Error> {
    let identifier = fields.required("trustAnchorId");
    let updated = updated(fields);
    let source = fields.has("source").then(|| source(fields));
    let distribution_points = fields.boolean("crlDpRevocationEnabled");
    fields.check()?;
    Ok(UpdateTrustAnchor {
        identifier: identifier?,
        updated,
        source,
        distribution_points,
    })
}

pub(super) fn decode_put(fields: &mut Fields<'_>) -> Result<PutNotificationSettings, Error> {
    let id = fields.required("trustAnchorId");
    fields.required_member("notificationSettings");
    let settings = settings(fields);
    fields.check()?;
    Ok(PutNotificationSettings { id: id?, settings })
}

pub(super) fn decode_reset(fields: &mut Fields<'_>) -> Result<ResetNotificationSettings, Error> {
    let id = fields.required("trustAnchorId");
    fields.required_member("notificationSettingKeys");
    let events = fields.list("notificationSettingKeys", MOST_SETTINGS, event);
    fields.check()?;
    Ok(ResetNotificationSettings { id: id?, events })
}

pub(super) fn own<'a>(view: &'a View<TrustAnchor>, members: Members<'a>) -> Members<'a> {
    let anchor = &view.resource;
    let data = Members::new().text("x509CertificateData", anchor.certificates.as_str());
    let source = Members::new()
        .text("sourceType", "CERTIFICATE_BUNDLE")
        .structure("sourceData", data);
    members
        .structure("source", source)
        .boolean("crlDpRevocationEnabled", anchor.distribution_points)
        .list("notificationSettings", notifications(view))
}

/// A setting for each event: the one that was set, or AWS's.
fn notifications(view: &View<TrustAnchor>) -> impl Iterator<Item = Node<'_>> {
    let names = EVENTS.iter().zip(ALL_EVENTS);
    names.map(|(name, event)| {
        let mut set = view.resource.notifications.iter();
        let set = set.find(|setting| setting.event == event);
        let threshold = set.map_or(Some(DEFAULT_THRESHOLD), |setting| setting.threshold);
        let by = match set {
            Some(_) => view.account.to_string(),
            None => "rolesanywhere.amazonaws.com".to_owned(),
        };
        let members = Members::new()
            .boolean("enabled", set.is_none_or(|setting| setting.enabled))
            .text("event", *name);
        let members = match threshold {
            Some(days) => members.integer("threshold", days),
            None => members,
        };
        members
            .text("channel", "ALL")
            .text("configuredBy", by)
            .node()
    })
}
