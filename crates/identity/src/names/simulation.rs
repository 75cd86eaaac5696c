//! The texts of the policy simulator (`iam/2010-05-08`).

use super::{Constrained, Constraint, Illegal, check};
use std::fmt;

text_type! {
    /// The name of an action to simulate: 3 to 128 characters. That it has a service is seen later.
    ActionName, (3, 128), "", |_| true
}
text_type! {
    /// A resource, caller or owner to simulate: 1 to 2048 characters. Whether it is an ARN is seen
    /// later.
    ResourceName, (1, 2048), "", |_| true
}
text_type! {
    /// The name of a condition key: 5 to 256 characters.
    ContextKeyName, (5, 256), "", |_| true
}
text_type! {
    /// A value of a condition key: at most 2048 characters, which is a limit of ours. The model has
    /// none, but what a variable stands for is copied once for each place the variable has.
    ContextKeyValue, (0, 2048), "", |_| true
}
text_type! {
    /// `ResourceHandlingOption`: 1 to 64 characters.
    ResourceHandlingOption, (1, 64), "", |_| true
}
