// The eight standard schemas. schemas/message/ holds the same descriptions for other programs; a test compares them.
//
// Each describes the `parameters` of a request of its kind. Members beyond them are allowed.
#pragma once

namespace agentmesh::message {

inline constexpr std::array<standard_schema, 8> standard_schemas = {{
    {"agentmesh/travel/flight-search/v1", R"json(
{"type":"object","required":["origin","destination","departure_date"],"properties":{"origin":{"type":"string",
"minLength":2,"maxLength":64},"destination":{"type":"string","minLength":2,"maxLength":64},
"departure_date":{"type":"string","minLength":10,"maxLength":10},"return_date":{"type":"string",
"minLength":10,"maxLength":10},"passengers":{"type":"integer","minimum":1,"maximum":99},"cabin":{"enum":[
"economy","premium_economy","business","first"]},"max_stops":{"type":"integer","minimum":0,"maximum":9},
"max_price":{"type":"number","minimum":0},"currency":{"type":"string","minLength":3,"maxLength":16},
"flexible_dates":{"type":"boolean"}}})json"},
    {"agentmesh/travel/hotel-search/v1", R"json(
{"type":"object","required":["location","check_in","check_out"],"properties":{"location":{"type":"string",
"minLength":1,"maxLength":256},"check_in":{"type":"string","minLength":10,"maxLength":10},"check_out":{
"type":"string","minLength":10,"maxLength":10},"guests":{"type":"integer","minimum":1,"maximum":99},
"rooms":{"type":"integer","minimum":1,"maximum":99},"min_stars":{"type":"number","minimum":0,"maximum":5},
"max_price_per_night":{"type":"number","minimum":0},"currency":{"type":"string","minLength":3,
"maxLength":16},"amenities":{"type":"array","items":{"type":"string","minLength":1,"maxLength":64}}}})json"},
    {"agentmesh/commerce/product-search/v1", R"json(
{"type":"object","required":["query"],"properties":{"query":{"type":"string","minLength":1,"maxLength":512},
"category":{"type":"string","minLength":1,"maxLength":256},"condition":{"enum":["new","used",
"refurbished"]},"min_price":{"type":"number","minimum":0},"max_price":{"type":"number","minimum":0},
"currency":{"type":"string","minLength":3,"maxLength":16},"brands":{"type":"array","items":{"type":"string",
"minLength":1,"maxLength":64}},"in_stock":{"type":"boolean"},"sort":{"enum":["relevance",
"price_ascending","price_descending","rating"]},"max_results":{"type":"integer","minimum":1,"maximum":1000}}})json"},
    {"agentmesh/commerce/order/v1", R"json(
{"type":"object","required":["items","currency"],"properties":{"items":{"type":"array","items":{"type":"object",
"required":["product_id","quantity"],"properties":{"product_id":{"type":"string","minLength":1,
"maxLength":256},"quantity":{"type":"integer","minimum":1,"maximum":1000000},"unit_price":{"type":"number",
"minimum":0}}}},"currency":{"type":"string","minLength":3,"maxLength":16},"total":{"type":"number",
"minimum":0},"reference":{"type":"string","minLength":1,"maxLength":256},"shipping_address":{"type":"object",
"required":["street","city","country"],"properties":{"name":{"type":"string","minLength":1,"maxLength":256},
"street":{"type":"string","minLength":1,"maxLength":256},"city":{"type":"string","minLength":1,
"maxLength":256},"postal_code":{"type":"string","minLength":1,"maxLength":32},"country":{"type":"string",
"minLength":2,"maxLength":2}}}}})json"},
    {"agentmesh/finance/payment/v1", R"json(
{"type":"object","required":["amount","currency","recipient"],"properties":{"amount":{"type":"number",
"minimum":0},"currency":{"type":"string","minLength":3,"maxLength":16},"recipient":{"type":"string",
"minLength":1,"maxLength":256},"method":{"type":"string","minLength":1,"maxLength":64},"reference":{
"type":"string","minLength":1,"maxLength":256},"memo":{"type":"string","minLength":0,"maxLength":512},
"escrow":{"type":"boolean"}}})json"},
    {"agentmesh/productivity/calendar-query/v1", R"json(
{"type":"object","required":["start","end"],"properties":{"start":{"type":"string","minLength":10,
"maxLength":40},"end":{"type":"string","minLength":10,"maxLength":40},"timezone":{"type":"string",
"minLength":1,"maxLength":64},"kind":{"enum":["free_busy","events","slots"]},"duration_minutes":{"type":"integer",
"minimum":1,"maximum":10080},"participants":{"type":"array","items":{"type":"string","minLength":1,
"maxLength":256}}}})json"},
    {"agentmesh/marketplace/skill-bid/v1", R"json(
{"type":"object","required":["task_id","price","currency"],"properties":{"task_id":{"type":"string",
"minLength":1,"maxLength":256},"price":{"type":"number","minimum":0},"currency":{"type":"string",
"minLength":3,"maxLength":16},"estimated_duration_seconds":{"type":"integer","minimum":1,"maximum":31536000},
"valid_until":{"type":"string","minLength":10,"maxLength":40},"proposal":{"type":"string","minLength":0,
"maxLength":4096},"skills":{"type":"array","items":{"type":"string","minLength":1,"maxLength":64}}}})json"},
    {"agentmesh/marketplace/task-delegation/v1", R"json(
{"type":"object","required":["task_id","description"],"properties":{"task_id":{"type":"string",
"minLength":1,"maxLength":256},"description":{"type":"string","minLength":1,"maxLength":4096},"inputs":{
"type":"object"},"deadline":{"type":"string","minLength":10,"maxLength":40},"priority":{"enum":["low",
"normal","high","urgent"]},"budget":{"type":"object","required":["max","currency"],"properties":{"max":{
"type":"number","minimum":0},"currency":{"type":"string","minLength":3,"maxLength":16}}},"result_schema":{
"type":"string","minLength":1,"maxLength":256},"may_delegate_further":{"type":"boolean"}}})json"},
}};

}  // namespace agentmesh::message
