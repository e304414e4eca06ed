//! The digits of a float as the original's JSON library finds them: Grisu2, after Florian Loitsch ("Printing floating-point
//! numbers quickly and accurately with integers", 2010).
//!
//! It is fast and almost always finds the fewest digits and the nearest ones, but not always: where it does not, neither
//! do we, because a hash is made of them.

/// A binary float: `significand` times two to the power of `exponent`.
#[derive(Clone, Copy)]
struct Binary {
    significand: u64,
    exponent: i32,
}

impl Binary {
    /// The product, its significand rounded to 64 bits.
    fn times(self, other: Self) -> Self {
        let halves = |number: u64| (number >> 32, number & 0xffff_ffff);
        let ((high, low), (other_high, other_low)) = (halves(self.significand), halves(other.significand));
        let (inner, outer) = (high * other_low, low * other_high);
        // Only these 32 bits below the result are regarded: the rounding is part of what has to be the same.
        let below = (inner & 0xffff_ffff) + (outer & 0xffff_ffff) + ((low * other_low) >> 32) + (1 << 31);
        Self {
            significand: high * other_high + (inner >> 32) + (outer >> 32) + (below >> 32),
            exponent: self.exponent + other.exponent + 64,
        }
    }

    /// The same value with the highest bit set.
    fn normalised(self) -> Self {
        let shift = self.significand.leading_zeros();
        Self { significand: self.significand << shift, exponent: self.exponent - shift.cast_signed() }
    }
}

const HIDDEN_BIT: u64 = 1 << 52;

/// The digits and the power of ten that their whole number is to be multiplied by. The float is positive and finite.
pub(super) fn digits(float: f64) -> (String, i32) {
    let bits = float.to_bits();
    let (fraction, biased) = (bits & (HIDDEN_BIT - 1), i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0));
    let value = if biased == 0 {
        Binary { significand: fraction, exponent: -1074 }
    } else {
        Binary { significand: fraction | HIDDEN_BIT, exponent: biased - 1075 }
    };
    // Half way to the neighbours: the one below is nearer at a power of two.
    let upper = Binary { significand: (value.significand << 1) + 1, exponent: value.exponent - 1 }.normalised();
    let nearer = if value.significand == HIDDEN_BIT { 2 } else { 1 };
    let lower_exponent = value.exponent - nearer;
    let lower = Binary {
        significand: ((value.significand << nearer) - 1) << (lower_exponent - upper.exponent),
        exponent: upper.exponent,
    };
    let (power, tens) = power_for(upper.exponent);
    let (value, mut upper, mut lower) = (value.normalised().times(power), upper.times(power), lower.times(power));
    // The products may be off by one: only what is surely between the boundaries counts.
    upper.significand -= 1;
    lower.significand += 1;
    let (digits, more) = generated(value, upper, lower);
    (digits, more - tens)
}

/// A power of ten that brings a float of this exponent between two to the -60 and to the -32, and which it is.
fn power_for(exponent: i32) -> (Binary, i32) {
    let approximately = (-f64::from(exponent + 87) * std::f64::consts::LOG10_2) as i32;
    let mut place = (approximately - FIRST_POWER) / POWER_STEP;
    loop {
        let (significand, own) = POWERS[usize::try_from(place).unwrap_or(0).min(POWERS.len() - 1)];
        match exponent + own + 64 {
            product if product < -60 => place += 1,
            product if product > -32 => place -= 1,
            _ => return (Binary { significand, exponent: own }, FIRST_POWER + place * POWER_STEP),
        }
    }
}

/// Digits of the upper boundary until what is left lies within the boundaries; then the last one is lowered as far as that
/// brings it nearer to the value.
fn generated(value: Binary, upper: Binary, lower: Binary) -> (String, i32) {
    let (mut to_value, mut room) = (upper.significand - value.significand, upper.significand - lower.significand);
    let point = upper.exponent.unsigned_abs();
    let one = 1_u64 << point;
    let (mut whole, mut rest) = (upper.significand >> point, upper.significand & (one - 1));
    let mut digits: Vec<u8> = Vec::with_capacity(18);
    let push = |digits: &mut Vec<u8>, digit: u64| {
        if digit != 0 || !digits.is_empty() {
            digits.push(b'0' + (digit % 10) as u8);
        }
    };
    for power in (0..10_u32).rev() {
        let unit = 10_u64.pow(power);
        push(&mut digits, whole / unit);
        whole %= unit;
        let left = (whole << point) + rest;
        if left <= room {
            lower_last(&mut digits, room, left, unit << point, to_value);
            return (text(digits), power.cast_signed());
        }
    }
    let mut power = 0;
    loop {
        (rest, room, to_value) = (rest * 10, room * 10, to_value.wrapping_mul(10));
        power -= 1;
        push(&mut digits, rest >> point);
        rest &= one - 1;
        if rest < room {
            lower_last(&mut digits, room, rest, one, to_value);
            return (text(digits), power);
        }
    }
}

fn lower_last(digits: &mut [u8], room: u64, mut left: u64, unit: u64, to_value: u64) {
    let Some(last) = digits.last_mut() else { return };
    while left < to_value && room - left >= unit && (left + unit < to_value || to_value - left > left + unit - to_value)
    {
        *last -= 1;
        left += unit;
    }
}

fn text(digits: Vec<u8>) -> String {
    digits.into_iter().map(char::from).collect()
}

/// Power of ten of the first entry of [`POWERS`], and from each to the next.
const FIRST_POWER: i32 = -348;
const POWER_STEP: i32 = 8;

/// Powers of ten, rounded to 64 bits.
#[rustfmt::skip]
const POWERS: [(u64, i32); 87] = [
    (0xfa8f_d5a0_081c_0288, -1220), (0xbaae_e17f_a23e_bf76, -1193), (0x8b16_fb20_3055_ac76, -1166),
    (0xcf42_894a_5dce_35ea, -1140), (0x9a6b_b0aa_5565_3b2d, -1113), (0xe61a_cf03_3d1a_45df, -1087),
    (0xab70_fe17_c79a_c6ca, -1060), (0xff77_b1fc_bebc_dc4f, -1034), (0xbe56_91ef_416b_d60c, -1007),
    (0x8dd0_1fad_907f_fc3c, -980), (0xd351_5c28_3155_9a83, -954), (0x9d71_ac8f_ada6_c9b5, -927),
    (0xea9c_2277_23ee_8bcb, -901), (0xaecc_4991_4078_536d, -874), (0x823c_1279_5db6_ce57, -847),
    (0xc210_9436_4dfb_5637, -821), (0x9096_ea6f_3848_984f, -794), (0xd774_85cb_2582_3ac7, -768),
    (0xa086_cfcd_97bf_97f4, -741), (0xef34_0a98_172a_ace5, -715), (0xb238_67fb_2a35_b28e, -688),
    (0x84c8_d4df_d2c6_3f3b, -661), (0xc5dd_4427_1ad3_cdba, -635), (0x936b_9fce_bb25_c996, -608),
    (0xdbac_6c24_7d62_a584, -582), (0xa3ab_6658_0d5f_daf6, -555), (0xf3e2_f893_dec3_f126, -529),
    (0xb5b5_ada8_aaff_80b8, -502), (0x8762_5f05_6c7c_4a8b, -475), (0xc9bc_ff60_34c1_3053, -449),
    (0x964e_858c_91ba_2655, -422), (0xdff9_7724_7029_7ebd, -396), (0xa6df_bd9f_b8e5_b88f, -369),
    (0xf8a9_5fcf_8874_7d94, -343), (0xb944_7093_8fa8_9bcf, -316), (0x8a08_f0f8_bf0f_156b, -289),
    (0xcdb0_2555_6531_31b6, -263), (0x993f_e2c6_d07b_7fac, -236), (0xe45c_10c4_2a2b_3b06, -210),
    (0xaa24_2499_6973_92d3, -183), (0xfd87_b5f2_8300_ca0e, -157), (0xbce5_0864_9211_1aeb, -130),
    (0x8cbc_cc09_6f50_88cc, -103), (0xd1b7_1758_e219_652c, -77), (0x9c40_0000_0000_0000, -50),
    (0xe8d4_a510_0000_0000, -24), (0xad78_ebc5_ac62_0000, 3), (0x813f_3978_f894_0984, 30),
    (0xc097_ce7b_c907_15b3, 56), (0x8f7e_32ce_7bea_5c70, 83), (0xd5d2_38a4_abe9_8068, 109),
    (0x9f4f_2726_179a_2245, 136), (0xed63_a231_d4c4_fb27, 162), (0xb0de_6538_8cc8_ada8, 189),
    (0x83c7_088e_1aab_65db, 216), (0xc45d_1df9_4271_1d9a, 242), (0x924d_692c_a61b_e758, 269),
    (0xda01_ee64_1a70_8dea, 295), (0xa26d_a399_9aef_774a, 322), (0xf209_787b_b47d_6b85, 348),
    (0xb454_e4a1_79dd_1877, 375), (0x865b_8692_5b9b_c5c2, 402), (0xc835_53c5_c896_5d3d, 428),
    (0x952a_b45c_fa97_a0b3, 455), (0xde46_9fbd_99a0_5fe3, 481), (0xa59b_c234_db39_8c25, 508),
    (0xf6c6_9a72_a398_9f5c, 534), (0xb7dc_bf53_54e9_bece, 561), (0x88fc_f317_f222_41e2, 588),
    (0xcc20_ce9b_d35c_78a5, 614), (0x9816_5af3_7b21_53df, 641), (0xe2a0_b5dc_971f_303a, 667),
    (0xa8d9_d153_5ce3_b396, 694), (0xfb9b_7cd9_a4a7_443c, 720), (0xbb76_4c4c_a7a4_4410, 747),
    (0x8bab_8eef_b640_9c1a, 774), (0xd01f_ef10_a657_842c, 800), (0x9b10_a4e5_e991_3129, 827),
    (0xe710_9bfb_a19c_0c9d, 853), (0xac28_20d9_623b_f429, 880), (0x8044_4b5e_7aa7_cf85, 907),
    (0xbf21_e440_03ac_dd2d, 933), (0x8e67_9c2f_5e44_ff8f, 960), (0xd433_179d_9c8c_b841, 986),
    (0x9e19_db92_b4e3_1ba9, 1013), (0xeb96_bf6e_badf_77d9, 1039), (0xaf87_023b_9bf0_ee6b, 1066),
];
