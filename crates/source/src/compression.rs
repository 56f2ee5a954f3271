//! What archives are packed with.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::str::FromStr;

use crate::SourceError;

/// The most memory that unpacking xz may take; the largest presets need 65 MiB.
const XZ_MEMORY: u64 = 1 << 30;

/// The largest window that unpacking zstd accepts, as a power of two: that of `zstd --ultra -22 --long=31`.
const ZSTD_WINDOW: u32 = 31;

/// A compression method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not compressed.
    None,
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// The old format of LZMA Utils.
    Lzma,
    /// Zstandard.
    Zstd,
    /// Brotli, which has no mark at its beginning.
    Brotli,
}

impl Compression {
    /// The name that the reference's settings and narinfos use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
            Compression::Lzma => "lzma",
            Compression::Zstd => "zstd",
            Compression::Brotli => "br",
        }
    }

    /// What a NAR's file name has after `.nar`.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Bzip2 => ".bz2",
            Compression::Xz => ".xz",
            Compression::Lzma => ".lzma",
            Compression::Zstd => ".zst",
            Compression::Brotli => ".br",
        }
    }

    /// Guesses from the first bytes; six are enough.
    #[must_use]
    pub fn detect(start: &[u8]) -> Compression {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [b'B', b'Z', b'h', ..] => Compression::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [0x5d, 0, 0, ..] => Compression::Lzma,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }

    /// Reads what was packed so.
    ///
    /// # Errors
    /// What setting up the decoder takes.
    pub fn reader<'a>(self, input: impl BufRead + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Compression::None => Box::new(input),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
            Compression::Xz => {
                let stream =
                    liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
            Compression::Lzma => {
                let stream = liblzma::stream::Stream::new_lzma_decoder(XZ_MEMORY)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Box::new(decoder)
            }
            Compression::Brotli => Box::new(brotli::Decompressor::new(input, 64 * 1024)),
        })
    }

    /// Packs what is written; `level` is the method's own, `None` its usual one. [`FinishWrite::finish`] must be
    /// called.
    ///
    /// # Errors
    /// What setting up the encoder takes; [`Compression::Lzma`] is only read.
    pub fn writer<'a, W: Write + Send + 'a>(
        self,
        out: W,
        level: Option<i32>,
    ) -> io::Result<Box<dyn FinishWrite<W> + 'a>> {
        let level_of = |usual: u32| level.and_then(|level| u32::try_from(level).ok()).unwrap_or(usual);
        Ok(match self {
            Compression::None => Box::new(Plain(out)),
            Compression::Gzip => {
                let level = flate2::Compression::new(level_of(6).min(9));
                Box::new(flate2::write::GzEncoder::new(out, level))
            }
            Compression::Bzip2 => {
                let level = bzip2::Compression::new(level_of(9).clamp(1, 9));
                Box::new(bzip2::write::BzEncoder::new(out, level))
            }
            Compression::Xz => Box::new(liblzma::write::XzEncoder::new(out, level_of(6).min(9))),
            Compression::Zstd => Box::new(zstd::stream::write::Encoder::new(out, level.unwrap_or(3))?),
            Compression::Brotli => {
                Box::new(brotli::CompressorWriter::new(out, 64 * 1024, level_of(6).min(11), 22))
            }
            Compression::Lzma => {
                return Err(io::Error::new(io::ErrorKind::Unsupported, "lzma can only be unpacked"));
            }
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compression {
    type Err = SourceError;

    /// Parses a method's name; nothing is none.
    fn from_str(text: &str) -> Result<Compression, SourceError> {
        match text {
            "" | "none" => Ok(Compression::None),
            "gzip" => Ok(Compression::Gzip),
            "bzip2" => Ok(Compression::Bzip2),
            "xz" => Ok(Compression::Xz),
            "lzma" => Ok(Compression::Lzma),
            "zstd" => Ok(Compression::Zstd),
            "br" => Ok(Compression::Brotli),
            _ => Err(SourceError::UnknownCompression(text.to_owned())),
        }
    }
}

/// Reads `input` unpacked, whatever it is packed with, by its first bytes.
///
/// # Errors
/// Those of reading the first bytes.
pub fn decompress<'a>(input: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut input = input;
    let mut start = Vec::with_capacity(6);
    input.by_ref().take(6).read_to_end(&mut start)?;
    let compression = Compression::detect(&start);
    let whole = io::Cursor::new(start).chain(input);
    compression.reader(BufReader::with_capacity(128 * 1024, whole))
}

/// A writer that has something to write at its end.
pub trait FinishWrite<W>: Write + Send {
    /// Writes the end and returns the writer below.
    ///
    /// # Errors
    /// Those of the writer below.
    fn finish(self: Box<Self>) -> io::Result<W>;
}

struct Plain<W>(W);

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write + Send> FinishWrite<W> for Plain<W> {
    fn finish(self: Box<Self>) -> io::Result<W> {
        Ok(self.0)
    }
}

impl<W: Write + Send> FinishWrite<W> for flate2::write::GzEncoder<W> {
    fn finish(self: Box<Self>) -> io::Result<W> {
        (*self).finish()
    }
}

impl<W: Write + Send> FinishWrite<W> for bzip2::write::BzEncoder<W> {
    fn finish(self: Box<Self>) -> io::Result<W> {
        (*self).finish()
    }
}

impl<W: Write + Send> FinishWrite<W> for liblzma::write::XzEncoder<W> {
    fn finish(self: Box<Self>) -> io::Result<W> {
        (*self).finish()
    }
}

impl<W: Write + Send> FinishWrite<W> for zstd::stream::write::Encoder<'_, W> {
    fn finish(self: Box<Self>) -> io::Result<W> {
        (*self).finish()
    }
}

impl<W: Write + Send> FinishWrite<W> for brotli::CompressorWriter<W> {
    fn finish(self: Box<Self>) -> io::Result<W> {
        // writes its end on the way out
        Ok((*self).into_inner())
    }
}
