//! Reads from a TCP socket together with the time at which the kernel took in what is read. The one place of the engine with
//! calls that the compiler can't check: no safe wrapper at hand knows such stamps. Knows nothing of clocks.

#![expect(
    unsafe_code,
    reason = "rustix reads no time-stamps, and the crates that do would rebuild half of what this one depends on"
)]

use super::stamps::Stamp;
use std::io;
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// Room for what the kernel says beside the bytes: one stamp, and some to spare. As aligned as its headers must be.
#[repr(C, align(16))]
struct Aside([u8; 64]);

/// Asks the kernel to stamp what this socket receives.
pub(super) fn ask_for(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open as it is borrowed; the value is an int, and its size is told.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            ptr::from_ref(&on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reads what has come, without waiting, and when the last byte of it did, if the kernel says so; `None` if nothing has.
/// Where the kernel has joined what came one after the other, it tells the time of the last.
pub(super) fn read(
    stream: &TcpStream,
    buffer: &mut [u8],
) -> io::Result<Option<(usize, Option<Stamp>)>> {
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let mut aside = Aside([0; 64]);
    // SAFETY: a header of zeros is valid: it names nothing.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = (&raw mut aside).cast();
    header.msg_controllen = size_of::<Aside>() as _;
    loop {
        // SAFETY: the header names the buffer and the room aside with their lengths; both are borrowed or owned here, and
        // nothing else touches them during the call.
        let count =
            unsafe { libc::recvmsg(stream.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) };
        if let Ok(count) = usize::try_from(count) {
            return Ok(Some((count, stamp(&header))));
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            error if error.kind() == io::ErrorKind::Interrupted => {}
            error => return Err(error),
        }
    }
}

/// The stamp among what the kernel said beside the bytes.
fn stamp(header: &libc::msghdr) -> Option<Stamp> {
    // SAFETY: the header is as `recvmsg` left it, with the room that it was given.
    let mut one = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: null, or within that room and aligned as it is.
    while let Some(told) = unsafe { one.as_ref() } {
        // SAFETY: computes with sizes alone.
        let whole = unsafe { libc::CMSG_LEN(size_of::<libc::timespec>() as u32) };
        if told.cmsg_level == libc::SOL_SOCKET
            && told.cmsg_type == libc::SCM_TIMESTAMPNS
            && u64::try_from(told.cmsg_len) == Ok(u64::from(whole))
        {
            // SAFETY: the length says that a `timespec` follows; it is copied, wherever it lies.
            let at: libc::timespec = unsafe { ptr::read_unaligned(libc::CMSG_DATA(one).cast()) };
            return Some(Stamp::of(at.tv_sec, at.tv_nsec));
        }
        // SAFETY: as for the first.
        one = unsafe { libc::CMSG_NXTHDR(header, one) };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let writer = listener.accept().unwrap().0;
        writer.set_nodelay(true).unwrap();
        (writer, reader)
    }

    /// Reads until something is there.
    fn some(reader: &TcpStream, buffer: &mut [u8]) -> (usize, Option<Stamp>) {
        loop {
            if let Some(read) = read(reader, buffer).unwrap() {
                return read;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn bytes_come_with_the_time_at_which_the_last_of_them_did() {
        let (mut writer, reader) = pair();
        ask_for(reader.as_fd()).unwrap();
        let mut buffer = [0; 64];
        assert_eq!(read(&reader, &mut buffer).unwrap(), None);
        // The kernel begins to stamp a moment after it was asked to.
        let begun = (0..1_000_000).find(|_| {
            writer.write_all(b"x").unwrap();
            some(&reader, &mut buffer).1.is_some()
        });
        assert!(begun.is_some(), "this kernel stamps nothing");
        for _ in 0..100 {
            writer.write_all(b"first").unwrap();
            let before = Stamp::now();
            writer.write_all(b"last").unwrap();
            let mut all = 0;
            let mut last = None;
            while all < 9 {
                let (count, stamp) = some(&reader, &mut buffer);
                all += count;
                last = stamp;
            }
            let (last, after) = (last.unwrap(), Stamp::now());
            assert!(
                (before.0..=after.0).contains(&last.0),
                "{before:?} {last:?} {after:?}"
            );
        }
    }

    #[test]
    fn who_did_not_ask_gets_none_and_an_end_is_an_end() {
        let (mut writer, reader) = pair();
        let mut buffer = [0; 64];
        writer.write_all(b"x").unwrap();
        assert_eq!(some(&reader, &mut buffer), (1, None));
        drop(writer);
        assert_eq!(some(&reader, &mut buffer).0, 0);
    }
}
