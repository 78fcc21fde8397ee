// The sans-IO library in one include: no sockets, no clock, no threads. Drivers are in agentmesh/net/.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/core/concepts.hpp>
#include <agentmesh/core/encoding.hpp>
#include <agentmesh/core/json.hpp>
#include <agentmesh/core/limits.hpp>
#include <agentmesh/core/time.hpp>
#include <agentmesh/core/utf8.hpp>
#include <agentmesh/crypto/aead.hpp>
#include <agentmesh/crypto/ed25519.hpp>
#include <agentmesh/crypto/kdf.hpp>
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/identity/did.hpp>
#include <agentmesh/identity/identity_file.hpp>
#include <agentmesh/identity/tier.hpp>
#include <agentmesh/relay/server.hpp>
#include <agentmesh/version.hpp>
#include <agentmesh/wire/client_writer.hpp>
#include <agentmesh/wire/frame.hpp>
#include <agentmesh/wire/relay_frame.hpp>
#include <agentmesh/wire/signing.hpp>
#include <agentmesh/ws/connection.hpp>
#include <agentmesh/ws/upgrade.hpp>
