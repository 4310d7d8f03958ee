// SPDX-License-Identifier: GPL-2.0

//! Which numbers are prime. Nothing here is the kernel's own.

/// The prime numbers up to `limit`.
pub(crate) fn primes(limit: u32) -> impl Iterator<Item = u32> {
    (2..=limit).filter(|&number| is_prime(number))
}

fn is_prime(number: u32) -> bool {
    let mut divisors = (2..).take_while(|divisor| divisor * divisor <= number);
    divisors.all(|divisor| number.checked_rem(divisor) != Some(0))
}
