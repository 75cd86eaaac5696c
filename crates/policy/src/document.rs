//! Policy documents: read without loss, validated when written.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use crate::compiled::Compiled;
use crate::json::{self, Span};
use crate::operator::Operator;
use crate::position::{Lines, Position};
use crate::principal::PrincipalType;
use crate::validate::{self, Occasion};

/// Which rules of writing apply to a document. Permissions boundaries are managed policies, so they
/// are [`Kind::Identity`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// Managed and inline policies of users, groups and roles.
    Identity,
    /// Role trust policies.
    Trust,
    /// Policies of resources, such as buckets.
    Resource,
    /// Policies passed when a session is made.
    Session,
    /// Service control policies of an organization.
    ServiceControl,
    /// Resource control policies of an organization.
    ResourceControl,
}

/// A policy document that passed the checks of its kind.
///
/// It keeps the text it was read from, byte for byte.
///
/// ```
/// use locum_policy::{Kind, Policy};
///
/// let text = r#"{"Version": "2012-10-17",
///                "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}"#;
/// let policy = Policy::parse(text, Kind::Identity)?;
/// assert_eq!(policy.text(), text);
/// # Ok::<(), locum_policy::Malformed>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    text: Box<str>,
    document: Document,
    /// Where the statements stand, once somebody has asked.
    positions: OnceLock<Box<[(Position, Position)]>>,
}

/// Why a document was refused: AWS's `MalformedPolicyDocument` message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Malformed {
    message: Cow<'static, str>,
}

impl Policy {
    /// Reads and validates a document.
    ///
    /// The checks run in AWS's order and the first that fails gives the message; see "Grammar of the
    /// IAM JSON policy language". Whether the principals it names exist, and how long it may be, is for
    /// the caller to see: [`Policy::principals`], [`Policy::size`].
    ///
    /// # Errors
    /// What AWS would refuse, in AWS's words.
    pub fn parse(text: &str, kind: Kind) -> Result<Policy, Malformed> {
        Policy::read(text, kind, Occasion::Write)
    }

    /// Reads a document that was accepted before.
    ///
    /// Rules that may be younger than the document are not applied: the tenant conditions of shared
    /// OpenID Connect issuers, which AWS asks of new writes only, and the list of services that
    /// resource control policies reach. All others are.
    pub fn stored(text: &str, kind: Kind) -> Result<Policy, Malformed> {
        Policy::read(text, kind, Occasion::Load)
    }

    fn read(text: &str, kind: Kind, occasion: Occasion) -> Result<Policy, Malformed> {
        let document = validate::document(text, kind, occasion)?;
        Ok(Policy {
            text: text.into(),
            document,
            positions: OnceLock::new(),
        })
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The size that most [`quotas`](crate::quotas) count: characters that are not white space (spaces,
    /// tabs, line ends), within strings too.
    pub fn size(&self) -> usize {
        size(&self.text)
    }

    /// Every value of `Principal` and `NotPrincipal`, in the order written.
    pub fn principals(&self) -> impl Iterator<Item = (PrincipalType, &str)> {
        self.named().map(|named| (named.kind, named.value.as_str()))
    }

    /// Every value of `Resource` and `NotResource`, in the order written.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        let statements = self.document.statements.iter();
        let elements = statements.flat_map(|statement| &statement.resources);
        elements
            .flat_map(|element| &element.values)
            .map(String::as_str)
    }

    /// Whether it says that its version is the current one, 2012-10-17, which has variables.
    pub fn is_current(&self) -> bool {
        self.document.variables
    }

    /// The text with every principal replaced for which `f` gives another one, and each other byte
    /// kept.
    ///
    /// This is how a stored policy gets unique ids (`AROA…`) in place of ARNs, and ARNs back when it
    /// is shown.
    pub fn with_principals(
        &self,
        mut f: impl FnMut(PrincipalType, &str) -> Option<String>,
    ) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut copied = 0;
        let mut named: Vec<&NamedPrincipal> = self.named().collect();
        named.sort_by_key(|named| named.span.start);
        for named in named {
            if let Some(other) = f(named.kind, &named.value) {
                out.push_str(self.text.get(copied..named.span.start).unwrap_or_default());
                out.push_str(&json::quote(&other));
                copied = named.span.end;
            }
        }
        out.push_str(self.text.get(copied..).unwrap_or_default());
        out
    }

    /// How many statements the policy has.
    pub fn statement_count(&self) -> usize {
        self.document.statements.len()
    }

    /// Where the policy simulator says that a statement, counted from 0, starts and ends.
    ///
    /// The end is the position just behind the statement's closing brace. The start is where the
    /// simulator's parser stands before it reads the statement: just behind the bracket that opens
    /// the list for the first statement, at the end of the one before for the others, and just behind
    /// the opening brace for a statement that stands alone. That is what recorded answers of
    /// SimulateCustomPolicy show. `None` when there are fewer statements.
    pub fn statement_positions(&self, index: usize) -> Option<(Position, Position)> {
        let all = self.positions.get_or_init(|| {
            let lines = Lines::new(&self.text);
            let spans = self.document.statements.iter().map(|s| s.reported);
            spans
                .map(|span| (lines.position(span.start), lines.position(span.end)))
                .collect()
        });
        all.get(index).copied()
    }

    /// The form that decides requests.
    pub fn compile(&self) -> Compiled {
        Compiled::new(&self.document)
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        &self.document.statements
    }

    fn named(&self) -> impl Iterator<Item = &NamedPrincipal> {
        self.document
            .statements
            .iter()
            .flat_map(|s| s.principals.iter().flat_map(|p| &p.values))
    }
}

/// See [`Policy::size`].
pub(crate) fn size(text: &str) -> usize {
    let counts = |c: &char| !matches!(c, ' ' | '\t' | '\r' | '\n');
    text.chars().filter(counts).count()
}

impl Malformed {
    pub(crate) fn new(message: impl Into<Cow<'static, str>>) -> Malformed {
        Malformed {
            message: message.into(),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Malformed {}

/// What a statement does when it matches.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Effect {
    /// Allows, unless something denies.
    Allow,
    /// Denies, whatever allows.
    Deny,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        })
    }
}

/// The parsed document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Version 2012-10-17: `${…}` is a variable.
    pub(crate) variables: bool,
    pub(crate) statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// What the simulator takes for the statement's place: see [`Policy::statement_positions`].
    pub(crate) reported: Span,
    pub(crate) sid: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) principals: Option<PrincipalElement>,
    pub(crate) actions: Element,
    /// Trust policies have none: the role is the resource.
    pub(crate) resources: Option<Element>,
    pub(crate) conditions: Vec<ConditionEntry>,
}

/// `Action`, `Resource` and their negations.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) negated: bool,
    pub(crate) values: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct PrincipalElement {
    pub(crate) negated: bool,
    pub(crate) values: Vec<NamedPrincipal>,
}

#[derive(Clone, Debug)]
pub(crate) struct NamedPrincipal {
    pub(crate) kind: PrincipalType,
    pub(crate) value: String,
    /// Where the string stands in the text, quotes included.
    pub(crate) span: Span,
}

/// One operator with one key.
#[derive(Clone, Debug)]
pub(crate) struct ConditionEntry {
    pub(crate) operator: Operator,
    pub(crate) operator_name: String,
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::{Kind, Policy};
    use crate::principal::PrincipalType::{self, Aws, Everyone, Federated, Service};

    const TRUST: &str = r#"{ "Statement" : [
        {"Effect":"Allow", "Action":"sts:AssumeRole",
         "Principal" : {"AWS": [ "123456789012", "arn:aws:iam::123456789012:role/a" ],
                        "Service":"ec2.amazonaws.com"}},
        {"Effect":"Deny","Principal":{"Federated":"accounts.google.com"},"Action":"sts:*"} ] }"#;

    #[test]
    fn principals_in_the_order_written() {
        let policy = Policy::parse(TRUST, Kind::Trust).unwrap();
        let principals: Vec<(PrincipalType, &str)> = policy.principals().collect();
        assert_eq!(
            principals,
            [
                (Aws, "123456789012"),
                (Aws, "arn:aws:iam::123456789012:role/a"),
                (Service, "ec2.amazonaws.com"),
                (Federated, "accounts.google.com"),
            ]
        );
        let bare =
            r#"{"Statement":{"Effect":"Deny","NotPrincipal":"*","Action":"s3:*","Resource":"*"}}"#;
        let policy = Policy::parse(bare, Kind::Resource).unwrap();
        assert_eq!(policy.principals().collect::<Vec<_>>(), [(Everyone, "*")]);
        assert_eq!(Everyone.to_string(), "*");
    }

    #[test]
    fn principals_replaced_and_every_other_byte_kept() {
        let policy = Policy::parse(TRUST, Kind::Trust).unwrap();
        assert_eq!(policy.with_principals(|_, _| None), TRUST);

        let stored = policy.with_principals(|kind, value| {
            (kind == Aws && value.contains(":role/")).then(|| "AROAEXAMPLEEXAMPLE001".to_owned())
        });
        assert_eq!(
            stored,
            TRUST.replace("arn:aws:iam::123456789012:role/a", "AROAEXAMPLEEXAMPLE001")
        );

        let back = Policy::parse(&stored, Kind::Trust)
            .unwrap()
            .with_principals(|_, value| {
                value
                    .starts_with("AROA")
                    .then(|| "arn:aws:iam::123456789012:role/a".to_owned())
            });
        assert_eq!(back, TRUST);

        let quoted =
            policy.with_principals(|kind, _| (kind == Service).then(|| "a\"\\b".to_owned()));
        assert_eq!(quoted, TRUST.replace("ec2.amazonaws.com", r#"a\"\\b"#));
    }

    #[test]
    fn size_leaves_out_white_space() {
        let text = "{ \"Version\":\t\"2012-10-17\",\r\n \"Statement\": {\"Effect\": \"Allow\", \
                    \"Action\": \"s3:*\", \"Resource\": \"arn:aws:s3:::é b\"}}";
        let policy = Policy::parse(text, Kind::Identity).unwrap();
        assert_eq!(
            policy.size(),
            text.chars().filter(|c| !" \t\r\n".contains(*c)).count()
        );
        assert_eq!(policy.size(), 100);
        assert_eq!(policy.text(), text);
    }
}
