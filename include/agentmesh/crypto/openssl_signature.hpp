// Signatures of others that libsodium does not know: RS256 and ES256 of RFC 7518, through OpenSSL. Only verified here.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <memory>

namespace agentmesh::crypto::openssl {

namespace detail {

template <auto Free>
struct releaser {
    void operator()(auto* object) const noexcept { Free(object); }
};
using number = std::unique_ptr<BIGNUM, releaser<BN_free>>;
using key = std::unique_ptr<EVP_PKEY, releaser<EVP_PKEY_free>>;
using key_context = std::unique_ptr<EVP_PKEY_CTX, releaser<EVP_PKEY_CTX_free>>;
using digest_context = std::unique_ptr<EVP_MD_CTX, releaser<EVP_MD_CTX_free>>;
using builder = std::unique_ptr<OSSL_PARAM_BLD, releaser<OSSL_PARAM_BLD_free>>;
using parameters = std::unique_ptr<OSSL_PARAM, releaser<OSSL_PARAM_free>>;

[[nodiscard]] inline number number_of(byte_view bytes) {
    return number{BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)};
}

[[nodiscard]] inline key public_key(const char* kind, OSSL_PARAM_BLD* from) {
    const parameters all{OSSL_PARAM_BLD_to_param(from)};
    const key_context context{EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr)};
    EVP_PKEY* out = nullptr;
    if (!all || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &out, EVP_PKEY_PUBLIC_KEY, all.get()) != 1)
        return nullptr;
    return key{out};
}

[[nodiscard]] inline bool verify_sha256(EVP_PKEY* with, byte_view text, byte_view proof) {
    const digest_context context{EVP_MD_CTX_new()};
    return context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, with) == 1 &&
           EVP_DigestVerify(context.get(), proof.data(), proof.size(), text.data(), text.size()) == 1;
}

}  // namespace detail

/// RSASSA-PKCS1-v1_5 with SHA-256.
/// @errors weak_key for a modulus outside 2048 to 8192 bits or an exponent that is even or not of 2 to 33 bits;
///         bad_signature
[[nodiscard]] inline result<void> verify_rs256(byte_view modulus, byte_view exponent, byte_view text, byte_view proof) {
    const auto n = detail::number_of(modulus), e = detail::number_of(exponent);
    if (!n || !e || BN_num_bits(n.get()) < 2048 || BN_num_bits(n.get()) > 8192 || BN_num_bits(e.get()) < 2 ||
        BN_num_bits(e.get()) > 33 || BN_is_odd(e.get()) == 0)
        return fail(errc::weak_key);
    const detail::builder build{OSSL_PARAM_BLD_new()};
    if (!build || OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        return fail(errc::crypto_unavailable);
    const auto key = detail::public_key("RSA", build.get());
    if (!key) return fail(errc::weak_key);
    if (proof.size() != static_cast<std::size_t>(BN_num_bytes(n.get())) ||
        !detail::verify_sha256(key.get(), text, proof))
        return fail(errc::bad_signature);
    return {};
}

/// ECDSA on P-256 with SHA-256, the signature as its two numbers of 32 bytes.
/// @errors weak_key for what is no point of the curve; bad_signature
[[nodiscard]] inline result<void> verify_es256(byte_view x, byte_view y, byte_view text, byte_view proof) {
    if (x.size() != 32 || y.size() != 32) return fail(errc::weak_key);
    buffer point{4};
    point.insert(point.end(), x.begin(), x.end());
    point.insert(point.end(), y.begin(), y.end());
    const detail::builder build{OSSL_PARAM_BLD_new()};
    if (!build ||
        OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
        return fail(errc::crypto_unavailable);
    const auto key = detail::public_key("EC", build.get());
    if (!key) return fail(errc::weak_key);
    if (proof.size() != 64) return fail(errc::bad_signature);
    // OpenSSL wants it in DER.
    auto r = detail::number_of(proof.first(32)), s = detail::number_of(proof.subspan(32));
    const std::unique_ptr<ECDSA_SIG, detail::releaser<ECDSA_SIG_free>> pair{ECDSA_SIG_new()};
    if (!r || !s || !pair || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return fail(errc::crypto_unavailable);
    (void)r.release();  // the pair owns both now
    (void)s.release();
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(pair.get(), &der);
    if (size <= 0) return fail(errc::crypto_unavailable);
    const bool good = detail::verify_sha256(key.get(), text, {der, static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    if (!good) return fail(errc::bad_signature);
    return {};
}

}  // namespace agentmesh::crypto::openssl
