//! Where a payment goes: over installments and their parts, in an order that is data of the product.
//!
//! Invariant: the allocated parts and the surplus sum to the payment.
//! Invariant: no part is negative or above what was due.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sycee_money::{Currency, Date, Money, MoneyError};

use crate::LoanMathError;

/// What is due of one installment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstallmentDue {
    /// Number of the installment.
    pub nr: u32,
    /// When it is due; earlier ones are paid first.
    pub due_date: Date,
    /// Penalty due.
    pub penalty: Money,
    /// Fee due.
    pub fee: Money,
    /// Interest due.
    pub interest: Money,
    /// Principal due.
    pub principal: Money,
}

/// A part of an installment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// A penalty, such as late interest.
    Penalty,
    /// A fee.
    Fee,
    /// Interest.
    Interest,
    /// Principal.
    Principal,
}

/// Which comes first: a whole installment, or one component of all installments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sweep {
    /// All components of the oldest installment, then the next installment.
    #[default]
    InstallmentFirst,
    /// The first component of all installments by age, then the next component.
    ComponentFirst,
}

/// The order a payment is allocated in; each component stands in it once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "OrderText")]
pub struct AllocationOrder {
    components: [Component; 4],
    sweep: Sweep,
}

/// What one installment gets of a payment; what is zero in all parts is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstallmentPart {
    /// Number of the installment.
    pub nr: u32,
    /// Its due date.
    pub due_date: Date,
    /// Paid on the penalty.
    pub penalty: Money,
    /// Paid on the fee.
    pub fee: Money,
    /// Paid on the interest.
    pub interest: Money,
    /// Paid on the principal.
    pub principal: Money,
}

/// A payment spread over installments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allocation {
    /// Parts by age of the installment.
    pub parts: Vec<InstallmentPart>,
    /// What is left when everything is paid: it becomes a credit balance.
    pub surplus: Money,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename = "AllocationOrder", deny_unknown_fields)]
struct OrderText {
    components: Vec<Component>,
    #[serde(default)]
    sweep: Sweep,
}

impl TryFrom<OrderText> for AllocationOrder {
    type Error = LoanMathError;

    fn try_from(text: OrderText) -> Result<AllocationOrder, LoanMathError> {
        AllocationOrder::new(&text.components, text.sweep)
    }
}

/// Penalty, fee, interest, principal; the oldest installment first.
impl Default for AllocationOrder {
    fn default() -> AllocationOrder {
        let components = [Component::Penalty, Component::Fee, Component::Interest, Component::Principal];
        AllocationOrder { components, sweep: Sweep::InstallmentFirst }
    }
}

impl AllocationOrder {
    /// An order of its own. Errors: `Invalid` unless each of the four components stands in it once.
    pub fn new(components: &[Component], sweep: Sweep) -> Result<AllocationOrder, LoanMathError> {
        let refuse = LoanMathError::invalid(
            "components",
            "must name penalty, fee, interest and principal once each",
            "[\"penalty\",\"fee\",\"interest\",\"principal\"]",
        );
        let Ok(components) = <[Component; 4]>::try_from(components) else {
            return Err(refuse);
        };
        let repeats = |index: usize| components[..index].contains(&components[index]);
        if (1..4).any(repeats) {
            return Err(refuse);
        }
        Ok(AllocationOrder { components, sweep })
    }

    /// The components, first paid first.
    pub fn components(&self) -> &[Component; 4] {
        &self.components
    }

    /// How the order runs over installments.
    pub fn sweep(&self) -> Sweep {
        self.sweep
    }
}

impl InstallmentDue {
    /// Everything due of the installment. Errors: `Money`.
    pub fn total(&self) -> Result<Money, LoanMathError> {
        Ok(Money::sum(self.penalty.currency(), [self.penalty, self.fee, self.interest, self.principal])?)
    }

    fn of(&self, component: Component) -> Money {
        match component {
            Component::Penalty => self.penalty,
            Component::Fee => self.fee,
            Component::Interest => self.interest,
            Component::Principal => self.principal,
        }
    }
}

impl InstallmentPart {
    /// Everything paid on the installment. Errors: `Money`.
    pub fn total(&self) -> Result<Money, LoanMathError> {
        Ok(Money::sum(self.penalty.currency(), [self.penalty, self.fee, self.interest, self.principal])?)
    }

    fn nothing_for(due: &InstallmentDue, currency: Currency) -> InstallmentPart {
        let zero = Money::zero(currency);
        InstallmentPart {
            nr: due.nr,
            due_date: due.due_date,
            penalty: zero,
            fee: zero,
            interest: zero,
            principal: zero,
        }
    }

    fn of_mut(&mut self, component: Component) -> &mut Money {
        match component {
            Component::Penalty => &mut self.penalty,
            Component::Fee => &mut self.fee,
            Component::Interest => &mut self.interest,
            Component::Principal => &mut self.principal,
        }
    }

    fn is_zero(&self) -> bool {
        self.penalty.is_zero() && self.fee.is_zero() && self.interest.is_zero() && self.principal.is_zero()
    }
}

/// Spreads `payment` over `dues`, oldest due date first (ties by number), in `order`.
///
/// Errors: `Invalid` for a negative payment or due amount; `Money` for mixed currencies.
pub fn allocate(payment: Money, dues: &[InstallmentDue], order: &AllocationOrder) -> Result<Allocation, LoanMathError> {
    if payment.is_negative() {
        return Err(LoanMathError::invalid("payment", "must not be negative", "\"50.00\""));
    }
    let mut by_age: Vec<&InstallmentDue> = dues.iter().collect();
    by_age.sort_by(|a, b| oldest_first(a, b));
    let mut parts: Vec<InstallmentPart> =
        by_age.iter().map(|due| InstallmentPart::nothing_for(due, payment.currency())).collect();

    let mut left = payment;
    match order.sweep {
        Sweep::InstallmentFirst => {
            for (due, part) in by_age.iter().zip(&mut parts) {
                for component in order.components {
                    left = pay(left, due, part, component)?;
                }
            }
        }
        Sweep::ComponentFirst => {
            for component in order.components {
                for (due, part) in by_age.iter().zip(&mut parts) {
                    left = pay(left, due, part, component)?;
                }
            }
        }
    }

    parts.retain(|part| !part.is_zero());
    debug_assert_eq!(sum_of(&parts, left), Ok(payment));
    Ok(Allocation { parts, surplus: left })
}

fn pay(
    left: Money,
    due: &InstallmentDue,
    part: &mut InstallmentPart,
    component: Component,
) -> Result<Money, LoanMathError> {
    let owed = due.of(component);
    if owed.is_negative() {
        return Err(LoanMathError::invalid("dues", "must not hold negative amounts", "\"0.00\""));
    }
    let paid = owed.min(left)?;
    *part.of_mut(component) = paid;
    Ok(left.checked_sub(paid)?)
}

fn oldest_first(a: &InstallmentDue, b: &InstallmentDue) -> Ordering {
    (a.due_date, a.nr).cmp(&(b.due_date, b.nr))
}

fn sum_of(parts: &[InstallmentPart], surplus: Money) -> Result<Money, MoneyError> {
    let amounts = parts.iter().flat_map(|part| [part.penalty, part.fee, part.interest, part.principal]);
    Money::sum(surplus.currency(), amounts.chain([surplus]))
}

#[cfg(test)]
mod tests {
    use sycee_money::date;

    use super::*;

    fn ghs(text: &str) -> Money {
        Money::parse(text, Currency::GHS).unwrap()
    }

    fn two_installments() -> Vec<InstallmentDue> {
        let due = |nr, month, amounts: [&str; 4]| InstallmentDue {
            nr,
            due_date: date(2026, month, 1),
            penalty: ghs(amounts[0]),
            fee: ghs(amounts[1]),
            interest: ghs(amounts[2]),
            principal: ghs(amounts[3]),
        };
        vec![due(2, 3, ["0", "5", "8", "90"]), due(1, 2, ["2", "5", "10", "88"])]
    }

    fn paid(payment: &str, order: &AllocationOrder) -> (Vec<(u32, String)>, String) {
        let allocation = allocate(ghs(payment), &two_installments(), order).unwrap();
        let shown = |part: &InstallmentPart| {
            let amounts = [part.penalty, part.fee, part.interest, part.principal];
            (part.nr, amounts.map(Money::to_decimal_string).join(" "))
        };
        (allocation.parts.iter().map(shown).collect(), allocation.surplus.to_decimal_string())
    }

    #[test]
    fn the_oldest_installment_is_paid_first() {
        let order = AllocationOrder::default();
        assert_eq!(paid("16", &order).0, [(1, "2.00 5.00 9.00 0.00".to_owned())]);
        let (parts, surplus) = paid("107", &order);
        assert_eq!(parts, [(1, "2.00 5.00 10.00 88.00".to_owned()), (2, "0.00 2.00 0.00 0.00".to_owned())]);
        assert_eq!(surplus, "0.00");
        assert_eq!(paid("300", &order).1, "92.00");
        assert_eq!(paid("0", &order), (vec![], "0.00".to_owned()));
    }

    #[test]
    fn an_order_is_data() {
        let text = r#"{"components":["principal","interest","fee","penalty"],"sweep":"component-first"}"#;
        let order: AllocationOrder = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&order).unwrap(), text);
        let (parts, _) = paid("180", &order);
        assert_eq!(parts, [(1, "0.00 0.00 2.00 88.00".to_owned()), (2, "0.00 0.00 0.00 90.00".to_owned())]);
    }

    #[test]
    fn bad_orders_and_amounts_are_refused() {
        for text in [r#"{"components":["fee"]}"#, r#"{"components":["fee","fee","interest","principal"]}"#] {
            let error = serde_json::from_str::<AllocationOrder>(text).unwrap_err().to_string();
            assert!(error.contains("once each"), "{error}");
        }
        assert!(allocate(ghs("-1"), &two_installments(), &AllocationOrder::default()).is_err());
        let mut negative = two_installments();
        negative[0].fee = ghs("-5");
        assert!(allocate(ghs("1"), &negative, &AllocationOrder::default()).is_err());
        let dollars = Money::zero(Currency::USD);
        assert!(allocate(dollars, &two_installments(), &AllocationOrder::default()).is_err());
    }
}
