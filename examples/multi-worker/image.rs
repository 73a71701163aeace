//! Pixels, as the simplest of all formats of images has them: PPM.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

/// An image of red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub width: usize,
    pub height: usize,
    /// Row by row from the top.
    pub pixels: Vec<[u8; 3]>,
}

/// A part of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Region {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

impl Region {
    pub const fn holds(&self, x: usize, y: usize) -> bool {
        x >= self.x && x < self.x + self.width && y >= self.y && y < self.y + self.height
    }
}

impl Image {
    /// The most pixels that are taken.
    const MOST: usize = 100_000_000;

    /// Reads a PPM (`P6`, 255 shades), as ffmpeg writes it.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let header: Vec<&[u8]> = bytes.splitn(4, u8::is_ascii_whitespace).collect();
        let [b"P6", width, height, rest] = header[..] else { anyhow::bail!("it is no PPM image") };
        let number = |text| -> Result<usize> { Ok(std::str::from_utf8(text)?.parse()?) };
        let (width, height) = (number(width)?, number(height)?);
        let data = rest.strip_prefix(b"255\n").context("it is no PPM image of 255 shades")?;
        let count = width.checked_mul(height).filter(|count| *count <= Self::MOST);
        let count = count.context("it is too large an image")?;
        let pixels = data.as_chunks::<3>().0.to_vec();
        ensure!(pixels.len() == count, "it is a PPM image of {} pixels, not {count}", pixels.len());
        Ok(Self { width, height, pixels })
    }

    pub fn to_ppm(&self) -> Vec<u8> {
        let mut bytes = format!("P6\n{} {}\n255\n", self.width, self.height).into_bytes();
        bytes.extend(self.pixels.as_flattened());
        bytes
    }

    /// The pixels of an image of any format that ffmpeg knows.
    pub fn decode(path: &Path) -> Result<Self> {
        let decoded = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-protocol_whitelist", "file,pipe", "-i"])
            .arg(path)
            .args(["-frames:v", "1", "-pix_fmt", "rgb24", "-f", "image2pipe", "-c:v", "ppm", "pipe:1"])
            .output()?;
        let said = String::from_utf8_lossy(&decoded.stderr);
        ensure!(decoded.status.success(), "cannot decode {}: {}", path.display(), said.trim());
        Self::read(&decoded.stdout).with_context(|| format!("cannot decode {}", path.display()))
    }

    /// Writes it as a PNG.
    pub fn write_png(&self, path: &Path) -> Result<()> {
        let beside = path.with_extension("ppm");
        fs::write(&beside, self.to_ppm())?;
        let written = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-y", "-i"])
            .args([beside.as_path(), path])
            .output()?;
        let said = String::from_utf8_lossy(&written.stderr);
        ensure!(written.status.success(), "cannot write {}: {}", path.display(), said.trim());
        Ok(fs::remove_file(&beside)?)
    }

    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        self.pixels[y * self.width + x]
    }

    /// How much the pixels of a region differ: the variance of their brightness.
    pub fn variance(&self, region: Region) -> f64 {
        let mut count = 0.0;
        let (mut sum, mut squares) = (0.0, 0.0);
        for y in region.y..(region.y + region.height).min(self.height) {
            for x in region.x..(region.x + region.width).min(self.width) {
                let bright = self.at(x, y).iter().map(|shade| f64::from(*shade)).sum::<f64>() / 3.0;
                count += 1.0;
                sum += bright;
                squares += bright * bright;
            }
        }
        if count == 0.0 { 0.0 } else { squares / count - (sum / count) * (sum / count) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Image, Region};

    #[test]
    fn what_is_written_is_read_and_what_is_cut_is_refused() {
        let image = Image { width: 2, height: 1, pixels: vec![[1, 2, 10], [255, 0, 32]] };
        let bytes = image.to_ppm();
        assert_eq!(Image::read(&bytes).unwrap(), image);
        for cut in 0..bytes.len() {
            assert!(Image::read(&bytes[..cut]).is_err(), "{cut} bytes");
        }
        assert!(Image::read(b"P6\n99999999999 99999999999\n255\n").is_err());
        assert!(Image::read(b"P5\n1 1\n255\n\0").is_err());
    }

    #[test]
    fn what_is_even_has_no_variance() {
        let image = Image { width: 2, height: 2, pixels: vec![[9; 3], [9; 3], [9; 3], [39; 3]] };
        assert!(image.variance(Region { x: 0, y: 0, width: 2, height: 1 }) < 1e-9);
        assert!((image.variance(Region { x: 0, y: 0, width: 2, height: 2 }) - 168.75).abs() < 1e-9);
    }
}
