// JSON: reader, writer and canonical form.
#pragma once

#include <agentmesh/core/json_canonical.hpp>
#include <agentmesh/core/json_reader.hpp>
#include <agentmesh/core/json_writer.hpp>
