//! What all models have in common, and how one is declared.

use sqlx::postgres::PgRow;

use super::column::AnyColumn;
use super::scope::Scope;

/// A row of one of the original's tables or of its view.
pub trait Model: Clone + std::fmt::Debug + Send + Sync + Unpin + Sized + 'static {
    /// Name of the model: `TaskNamespace`.
    const MODEL: &'static str;
    /// Table or view in schema `public`.
    const TABLE: &'static str;

    /// All columns, in the order of the row's fields.
    fn columns() -> &'static [AnyColumn<Self>];

    /// The primary key's column.
    fn key_column() -> AnyColumn<Self>;

    /// The primary key. Some tables have it in four bytes, some in eight.
    fn key(&self) -> i64;

    /// Reads a row that has all columns under their own names.
    ///
    /// # Errors
    /// When a column is missing or holds what its type has no room for.
    fn read(row: &PgRow) -> Result<Self, sqlx::Error>;

    /// Every row. The methods of [`Scope`] narrow it down.
    #[must_use]
    fn all() -> Scope<Self> {
        Scope::every()
    }
}

/// Declares the row of a model: the struct, a constant for each column, and [`Model`].
macro_rules! model {
    (
        $(#[$doc:meta])*
        pub struct $name:ident in $table:literal by $key:ident {
            $( $(#[$field_doc:meta])* $field:ident: $type:ty => $column:ident, )+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $type, )+
        }

        impl $name {
            $(
                #[doc = concat!("Column `", stringify!($field), "`, for scopes.")]
                pub const $column: $crate::models::Column<$name, $type> = $crate::models::Column::new(
                    stringify!($field),
                    |row: &$name| $crate::models::column::Field::to_value(&row.$field),
                );
            )+

            /// Every row, to be narrowed down.
            #[must_use]
            pub fn scope() -> $crate::models::Scope<$name> {
                $crate::models::Scope::every()
            }
        }

        impl $crate::models::Model for $name {
            const MODEL: &'static str = stringify!($name);
            const TABLE: &'static str = $table;

            fn columns() -> &'static [$crate::models::AnyColumn<Self>] {
                const ALL: &[$crate::models::AnyColumn<$name>] = &[$($name::$column.any),+];
                ALL
            }

            fn key_column() -> $crate::models::AnyColumn<Self> {
                $(
                    if stringify!($field) == stringify!($key) {
                        return $name::$column.any;
                    }
                )+
                unreachable!("the key of a model is one of its columns")
            }

            fn key(&self) -> i64 {
                i64::from(self.$key)
            }

            fn read(row: &sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
                Ok(Self {
                    $( $field: <$type as $crate::models::column::Field>::read(row, stringify!($field))?, )+
                })
            }
        }
    };
}

pub(super) use model;
