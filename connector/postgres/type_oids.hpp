#pragma once
#include <cstdint>

/// Object ids of built-in types (pg_type.dat): fixed for every PostgreSQL.
namespace tandem::postgres::oid {

constexpr std::uint32_t boolean = 16, int8 = 20, int2 = 21, int4 = 23, text = 25, uuid = 2950, jsonb = 3802,
                        xid8 = 5069, timestamptz = 1184;
constexpr std::uint32_t boolean_array = 1000, int2_array = 1005, int4_array = 1007, text_array = 1009,
                        int8_array = 1016, uuid_array = 2951;

}  // namespace tandem::postgres::oid
