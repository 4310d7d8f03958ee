// SPDX-License-Identifier: GPL-2.0

//! `/dev/primes`: whoever writes a number there reads the primes up to it.

use kernel::{
    fs::{File, Kiocb},
    iov::{IovIterDest, IovIterSource},
    miscdevice::{MiscDevice, MiscDeviceOptions, MiscDeviceRegistration},
    new_mutex,
    prelude::*,
    str::CString,
    sync::Mutex,
};

use crate::sieve;

/// More would take the kernel too long.
const LIMIT: u32 = 10_000;

/// The module while it is loaded.
#[pin_data]
pub(crate) struct Registered {
    #[pin]
    device: MiscDeviceRegistration<Answers>,
}

impl kernel::InPlaceModule for Registered {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        crate::say_hello();
        let options = MiscDeviceOptions { name: c"primes" };
        try_pin_init!(Self {
            device <- MiscDeviceRegistration::register(options),
        })
    }
}

/// What one opened file has to read.
#[pin_data]
struct Answers {
    #[pin]
    text: Mutex<KVVec<u8>>,
}

#[vtable]
impl MiscDevice for Answers {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _device: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        let answers = try_pin_init!(Answers { text <- new_mutex!(KVVec::new()) });
        KBox::try_pin_init(answers, GFP_KERNEL)
    }

    fn write_iter(mut call: Kiocb<'_, Self::Ptr>, from: &mut IovIterSource<'_>) -> Result<usize> {
        let mut asked = KVVec::new();
        let length = from.copy_from_iter_vec(&mut asked, GFP_KERNEL)?;
        let asked = core::str::from_utf8(&asked).map_err(|_| EINVAL)?;
        let limit: u32 = asked.trim().parse().map_err(|_| EINVAL)?;
        if limit > LIMIT {
            return Err(E2BIG);
        }
        let mut text = KVVec::new();
        for prime in sieve::primes(limit) {
            let word = CString::try_from_fmt(fmt!("{prime}\n"))?;
            text.extend_from_slice(word.to_bytes(), GFP_KERNEL)?;
        }
        *call.file().text.lock() = text;
        *call.ki_pos_mut() = 0;
        Ok(length)
    }

    fn read_iter(mut call: Kiocb<'_, Self::Ptr>, to: &mut IovIterDest<'_>) -> Result<usize> {
        let answers = call.file();
        let text = answers.text.lock();
        to.simple_read_from_buffer(call.ki_pos_mut(), &text)
    }
}
