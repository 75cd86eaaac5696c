//! The texts of service-linked roles (`iam/2010-05-08`).

use super::{Constrained, Constraint, Illegal, check, name_character};
use std::fmt;

text_type! {
    /// `CustomSuffix`: 1 to 64 of `[\w+=,.@-]`.
    CustomSuffix, (1, 64), r"[\w+=,.@-]+", name_character
}
text_type! {
    /// `DeletionTaskId`: 1 to 1000 characters. Whether it is one is seen later.
    DeletionTaskId, (1, 1000), "", |_| true
}
