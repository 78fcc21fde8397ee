// The one place that knows which Catch2 is in use.
#pragma once

#include <catch2/catch.hpp>
