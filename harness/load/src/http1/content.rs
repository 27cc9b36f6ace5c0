//! Content codings (RFC 9110, 8.4): bodies unpacked for whoever reads them, never beyond a limit.

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::Read;

/// A body can't be unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    /// It isn't what its header says.
    #[error("the body is not valid {coding}: {error}")]
    Invalid {
        /// The coding named.
        coding: &'static str,
        /// What the decoder said.
        error: std::io::Error,
    },
    /// It would become larger than is kept.
    #[error("the {coding} body unpacks to more than {most} bytes")]
    TooLarge {
        /// The coding named.
        coding: &'static str,
        /// The limit.
        most: usize,
    },
}

/// The body that `encoding`, the value of `content-encoding`, was applied to: `None` if it is none that is known here,
/// and the body is to be taken as it is.
pub(crate) fn unpack(
    encoding: &str,
    body: &[u8],
    most: usize,
) -> Result<Option<Vec<u8>>, ContentError> {
    let encoding = encoding.trim();
    if encoding.eq_ignore_ascii_case("gzip") || encoding.eq_ignore_ascii_case("x-gzip") {
        read("gzip", MultiGzDecoder::new(body), most).map(Some)
    } else if encoding.eq_ignore_ascii_case("deflate") {
        // Meant is the zlib format; many servers send the bare stream.
        read("deflate", ZlibDecoder::new(body), most)
            .or_else(|error| match error {
                ContentError::Invalid { .. } => read("deflate", DeflateDecoder::new(body), most),
                ContentError::TooLarge { .. } => Err(error),
            })
            .map(Some)
    } else {
        Ok(None)
    }
}

fn read(coding: &'static str, decoder: impl Read, most: usize) -> Result<Vec<u8>, ContentError> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .take(limit)
        .read_to_end(&mut unpacked)
        .map_err(|error| ContentError::Invalid { coding, error })?;
    if unpacked.len() > most {
        return Err(ContentError::TooLarge { coding, most });
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let plain = b"{\"id\": 7}".repeat(100);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&plain).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(&plain).unwrap();
        let packed = [
            ("gzip", gzip(&plain)),
            (" X-GZip ", gzip(&plain)),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", bare.finish().unwrap()),
        ];
        for (encoding, packed) in packed {
            assert_eq!(
                unpack(encoding, &packed, 1 << 20).unwrap().as_deref(),
                Some(&plain[..]),
                "{encoding}"
            );
        }
        assert!(unpack("br", b"whatever", 10).unwrap().is_none());
        assert!(unpack("gzip, br", b"whatever", 10).unwrap().is_none());
    }

    #[test]
    fn a_bomb_stops_at_the_limit_and_rubbish_is_named() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        let error = unpack("gzip", &bomb, 1 << 20).unwrap_err().to_string();
        assert_eq!(error, "the gzip body unpacks to more than 1048576 bytes");
        let cut = gzip(b"hello, hello, hello");
        for bad in [&b"not packed"[..], &cut[..cut.len() - 9]] {
            let error = unpack("gzip", bad, 100).unwrap_err().to_string();
            assert!(error.starts_with("the body is not valid gzip"), "{error}");
        }
    }
}
