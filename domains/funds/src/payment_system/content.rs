//! What a payer is shown: QR content, virtual account number, deep link.
//!
//! Invariant: each names the payment, and carries a check that a mistyped digit breaks.

use sycee_contract::{Identifier, PaymentId};
use sycee_money::Money;

use super::MerchantConfig;

/// A dynamic merchant-presented code after EMVCo QRCPS 1.1: amount, merchant and our request id, with CRC-16.
pub fn qr_content(merchant: &MerchantConfig, country: &str, payment: PaymentId, amount: Money) -> String {
    let scheme = field(0, &merchant.qr_scheme) + &field(1, &payment.to_string());
    let currency = format!("{:03}", amount.currency().numeric().unwrap_or(999));
    let mut code = field(0, "01") + &field(1, "12") + &field(26, &scheme) + &field(52, "6012") + &field(53, &currency);
    code += &field(54, &amount.to_decimal_string());
    code += &field(58, country);
    code += &field(59, &merchant.name);
    code += &field(60, &merchant.city);
    code += &field(62, &field(5, &payment.to_string()));
    code += "6304";
    let crc = crc16(code.as_bytes());
    format!("{code}{crc:04X}")
}

fn field(id: u8, value: &str) -> String {
    format!("{id:02}{:02}{value}", value.len())
}

/// CRC-16/IBM-3740 (polynomial 1021, start FFFF), as EMVCo QRCPS 4.7.3 wants it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc: u16, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 },
        )
    })
}

/// A virtual account: prefix, the payment's number in ten digits, and a Luhn check digit (ISO/IEC 7812-1 Annex B).
pub fn virtual_account(prefix: &str, payment: PaymentId) -> String {
    let body = format!("{prefix}{:010}", payment.number());
    let check = luhn_digit(&body);
    format!("{body}{check}")
}

/// The payment a virtual account belongs to; `None` when the prefix or the check digit is wrong.
pub fn payment_of_account(prefix: &str, account: &str) -> Option<PaymentId> {
    if !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (body, check) = account.split_at_checked(account.len().checked_sub(1)?)?;
    if check != luhn_digit(body).to_string() {
        return None;
    }
    body.strip_prefix(prefix)?.parse().ok().map(PaymentId::from_number)
}

fn luhn_digit(digits: &str) -> u32 {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let weighted = |(at, byte): (usize, u8)| {
        let digit = u32::from(byte.saturating_sub(b'0'));
        if at % 2 == 0 { doubled(digit) } else { digit }
    };
    let sum: u32 = digits.bytes().rev().enumerate().map(weighted).sum();
    (10 - sum % 10) % 10
}

/// A link that opens the payer's wallet app on this payment.
pub fn deep_link(base: &str, payment: PaymentId, amount: Money) -> String {
    format!("{base}{payment}?amount={}&currency={}", amount.to_decimal_string(), amount.currency().code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use sycee_money::Currency;

    #[test]
    fn known_check_values() {
        assert_eq!(crc16(b"123456789"), 0x29B1);
        assert_eq!(luhn_digit("7992739871"), 3);
        assert_eq!(virtual_account("8890", PaymentId::from_number(42)), "889000000000428");
        let link =
            deep_link("https://pay.example/", PaymentId::from_number(42), Money::parse("12.5", Currency::GHS).unwrap());
        assert_eq!(link, "https://pay.example/pay-42?amount=12.50&currency=GHS");
    }

    #[test]
    fn qr_content_is_a_chain_of_fields() {
        let merchant =
            crate::PaymentConfig::from_yaml(include_str!("../../../../markets/gh/channels.yaml")).unwrap().merchant;
        let code =
            qr_content(&merchant, "GH", PaymentId::from_number(42), Money::parse("12.5", Currency::GHS).unwrap());
        let mut fields = Vec::new();
        let mut rest = code.as_str();
        while !rest.is_empty() {
            let length: usize = rest[2..4].parse().unwrap();
            fields.push((&rest[..2], &rest[4..4 + length]));
            rest = &rest[4 + length..];
        }
        assert!(
            fields.contains(&("54", "12.50"))
                && fields.contains(&("53", "936"))
                && fields.contains(&("62", "0506pay-42"))
        );
        assert_eq!(fields.last().unwrap().1, format!("{:04X}", crc16(&code.as_bytes()[..code.len() - 4])));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, rng_seed: RngSeed::Fixed(20_260_105), ..ProptestConfig::default() })]

        #[test]
        fn a_wrong_digit_is_noticed(number in 1..=9_999_999_999_i64, at in 0..15_usize, digit in 0..10_u8) {
            let payment = PaymentId::from_number(number);
            let account = virtual_account("8890", payment);
            prop_assert_eq!(payment_of_account("8890", &account), Some(payment));
            let mut typed = account.clone().into_bytes();
            typed[at] = b'0' + digit;
            let typed = String::from_utf8(typed).unwrap();
            prop_assert_eq!(payment_of_account("8890", &typed).is_some(), typed == account);
        }
    }
}
