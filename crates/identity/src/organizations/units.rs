//! The root and the organizational units.

use super::{
    ConstraintReason, Fault, management_only, need, need_on, organization, quotas, readers,
    tagging, tags,
};
use crate::directory::Directory;
use crate::entity::{Organization, OrganizationalUnit, TargetPolicies};
use crate::error::Error;
use crate::iam::{Page, PageRequest};
use crate::ids::lower_case_id;
use crate::names::{AccountId, ChildId, Constrained as _, ParentId, Tag, UnitId, UnitName};
use crate::operation::{Call, Granted, Operation, Service};
use std::sync::Arc;

/// An organizational unit as the organization shows it.
#[derive(Clone, Debug)]
pub struct UnitView {
    /// The unit.
    pub unit: OrganizationalUnit,
    /// `arn:aws:organizations::MANAGEMENT:ou/o-…/ou-…`
    pub arn: String,
    /// `o-…/r-…/ou-…/`
    pub path: String,
}

impl UnitView {
    /// The view of a unit that may not be there yet; its parent is.
    fn of(directory: &Directory, unit: OrganizationalUnit) -> Result<Self, Error> {
        let organization = organization(directory)?;
        let above = directory.tree().path_of(&unit.parent);
        let above = above.ok_or_else(|| Error::Internal("a unit stands nowhere".into()))?;
        Ok(Self {
            arn: organization.arn(&format!("ou/{}/{}", organization.id, unit.id)),
            path: format!("{above}{}/", unit.id),
            unit,
        })
    }
}

/// CreateOrganizationalUnit: below the root or another unit, at most five deep.
#[derive(Clone, Debug)]
pub struct CreateOrganizationalUnit {
    /// `ParentId`
    pub parent_id: ParentId,
    /// `Name`
    pub name: UnitName,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl Operation for CreateOrganizationalUnit {
    type Output = UnitView;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "CreateOrganizationalUnit";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let create = need_on::<Self>(call, self.parent_id.as_str())?.request_tags(&self.tags);
        management_only(call, [create].into_iter().chain(tagging(&self.tags)))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<UnitView, Error> {
        tags::check(&self.tags)?;
        call.change_organization(|directory, change| {
            let (tree, parent) = (directory.tree(), self.parent_id.as_str());
            let path = tree.path_of(parent).ok_or(Fault::ParentNotFound)?;
            // `o-…/r-…/` and the units, each with a slash behind it.
            if path.matches('/').count() >= 2 + quotas::UNIT_DEPTH {
                return Err(ConstraintReason::OuDepthLimitExceeded.into());
            }
            if tree.units().count() >= quotas::UNITS {
                return Err(ConstraintReason::OuNumberLimitExceeded.into());
            }
            unused_name(directory, parent, &self.name, None)?;
            let unit = OrganizationalUnit {
                id: unused_id(call, directory),
                name: self.name.clone(),
                parent: parent.to_owned(),
                created: call.facts.now,
                tags: self.tags.clone(),
            };
            change.put(unit.clone());
            UnitView::of(directory, unit)
        })
        .await
    }
}

fn unused_id(call: &Call<'_>, directory: &Directory) -> String {
    let tree = directory.tree();
    let root = tree.root().strip_prefix("r-").unwrap_or_default();
    loop {
        let own = lower_case_id(8, &*call.realm.environment().entropy);
        let id = format!("ou-{root}-{own}");
        if tree.unit(&id).is_none() {
            return id;
        }
    }
}

fn unused_name(
    directory: &Directory,
    parent: &str,
    name: &UnitName,
    except: Option<&str>,
) -> Result<(), Error> {
    let taken = directory.tree().units().any(|other| {
        other.parent == parent && other.name == *name && Some(other.id.as_str()) != except
    });
    if taken {
        Err(Fault::DuplicateOrganizationalUnit.into())
    } else {
        Ok(())
    }
}

fn unit<'a>(directory: &'a Directory, id: &UnitId) -> Result<&'a OrganizationalUnit, Error> {
    let found = directory.tree().unit(id.as_str());
    Ok(found.ok_or(Fault::OrganizationalUnitNotFound)?)
}

/// UpdateOrganizationalUnit: another name.
#[derive(Clone, Debug)]
pub struct UpdateOrganizationalUnit {
    /// `OrganizationalUnitId`
    pub unit_id: UnitId,
    /// `Name`; as it is if not given.
    pub name: Option<UnitName>,
}

impl Operation for UpdateOrganizationalUnit {
    type Output = UnitView;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "UpdateOrganizationalUnit";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        management_only(call, [need_on::<Self>(call, self.unit_id.as_str())?])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<UnitView, Error> {
        call.change_organization(|directory, change| {
            let mut unit = unit(directory, &self.unit_id)?.clone();
            if let Some(name) = &self.name {
                unused_name(directory, &unit.parent, name, Some(&unit.id))?;
                unit.name = name.clone();
                change.put(unit.clone());
            }
            UnitView::of(directory, unit)
        })
        .await
    }
}

/// DeleteOrganizationalUnit: one with nothing in it. What is attached to it goes with it.
#[derive(Clone, Debug)]
pub struct DeleteOrganizationalUnit {
    /// `OrganizationalUnitId`
    pub unit_id: UnitId,
}

impl Operation for DeleteOrganizationalUnit {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DeleteOrganizationalUnit";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        management_only(call, [need_on::<Self>(call, self.unit_id.as_str())?])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change_organization(|directory, change| {
            let (tree, id) = (directory.tree(), self.unit_id.as_str());
            let unit = unit(directory, &self.unit_id)?;
            let mut accounts = directory.accounts.values();
            if tree.units().any(|other| other.parent == id)
                || accounts.any(|account| tree.parent_of(account) == id)
            {
                return Err(Fault::OrganizationalUnitNotEmpty.into());
            }
            change.delete(unit.clone());
            let lists: TargetPolicies = tree.lists_of(id);
            if !lists.attached.is_empty() {
                change.delete(lists);
            }
            Ok(())
        })
        .await
    }
}

/// DescribeOrganizationalUnit
#[derive(Clone, Debug)]
pub struct DescribeOrganizationalUnit {
    /// `OrganizationalUnitId`
    pub unit_id: UnitId,
}

impl Operation for DescribeOrganizationalUnit {
    type Output = UnitView;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DescribeOrganizationalUnit";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(call, [need_on::<Self>(call, self.unit_id.as_str())?])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<UnitView, Error> {
        let directory = call.caller.directory();
        UnitView::of(directory, unit(directory, &self.unit_id)?.clone())
    }
}

/// ListOrganizationalUnitsForParent: by id, in pages; those directly below.
#[derive(Clone, Debug)]
pub struct ListOrganizationalUnitsForParent {
    /// `ParentId`
    pub parent_id: ParentId,
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListOrganizationalUnitsForParent {
    type Output = Page<UnitView>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListOrganizationalUnitsForParent";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(call, [need_on::<Self>(call, self.parent_id.as_str())?])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let directory = call.caller.directory();
        let units = units_below(directory, &self.parent_id)?;
        let page = self.page.page_of_all(units);
        let views = page
            .items
            .into_iter()
            .map(|unit| UnitView::of(directory, unit.clone()));
        Ok(Page {
            items: views.collect::<Result<_, _>>()?,
            next: page.next,
        })
    }
}

fn units_below<'a>(
    directory: &'a Directory,
    parent: &'a ParentId,
) -> Result<impl Iterator<Item = (&'a str, &'a OrganizationalUnit)>, Error> {
    let tree = directory.tree();
    if !tree.is_container(parent.as_str()) {
        return Err(Fault::ParentNotFound.into());
    }
    let below = tree.units().filter(|unit| unit.parent == parent.as_str());
    Ok(below.map(|unit| (unit.id.as_str(), &**unit)))
}

/// ListRoots: there is one.
#[derive(Clone, Debug)]
pub struct ListRoots {
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListRoots {
    type Output = Page<Arc<Organization>>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListRoots";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(call, [need::<Self>("*")])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let directory = call.caller.directory();
        let root = (directory.tree().root(), organization(directory)?);
        Ok(self.page.page_of_all([root].into_iter()))
    }
}

/// ListParents: the one that an account or unit is in.
#[derive(Clone, Debug)]
pub struct ListParents {
    /// `ChildId`
    pub child_id: ChildId,
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListParents {
    type Output = Page<String>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListParents";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(call, [need_on::<Self>(call, self.child_id.as_str())?])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Page<String>, Error> {
        let directory = call.caller.directory();
        let (tree, child) = (directory.tree(), self.child_id.as_str());
        let parent = match AccountId::parse(child) {
            Ok(id) => directory
                .accounts
                .get(&id)
                .map(|account| tree.parent_of(account)),
            Err(_) => tree.unit(child).map(|unit| unit.parent.as_str()),
        };
        let parent = parent.ok_or(Fault::ChildNotFound)?;
        Ok(self
            .page
            .page_of_all([(parent, parent.to_owned())].into_iter()))
    }
}

/// What can be in a root or unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChildType {
    /// `ACCOUNT`
    Account,
    /// `ORGANIZATIONAL_UNIT`
    OrganizationalUnit,
}

/// A child of a root or unit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Child {
    /// Its id.
    pub id: String,
    /// What it is.
    pub child_type: ChildType,
}

/// ListChildren: by id, in pages; those directly in the root or unit.
#[derive(Clone, Debug)]
pub struct ListChildren {
    /// `ParentId`
    pub parent_id: ParentId,
    /// `ChildType`
    pub child_type: ChildType,
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListChildren {
    type Output = Page<Child>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListChildren";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(call, [need_on::<Self>(call, self.parent_id.as_str())?])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Page<Child>, Error> {
        let directory = call.caller.directory();
        let tree = directory.tree();
        let child = |id: &str| Child {
            id: id.to_owned(),
            child_type: self.child_type,
        };
        let units = units_below(directory, &self.parent_id)?;
        Ok(match self.child_type {
            ChildType::OrganizationalUnit => {
                self.page.page_of_all(units.map(|(id, _)| (id, child(id))))
            }
            ChildType::Account => {
                let accounts = directory.accounts.values();
                let inside = accounts
                    .filter(|account| tree.parent_of(account) == self.parent_id.as_str())
                    .map(|account| (account.id.as_str(), child(account.id.as_str())));
                self.page.page_of_all(inside)
            }
        })
    }
}
