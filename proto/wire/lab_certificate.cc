// Published lab key and certificates, in the source so that every lab shows the same ones. ECDSA P-256: a handshake
// costs a twentieth of RSA's.
#include "proto/wire/lab_certificate.h"

namespace smslab::wire {
namespace {
constexpr std::string_view kKey = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnhJ8WpTwlVqpTPvC
P8CqezQ6ul9jKHC6qZYh8X01NAmhRANCAATpWFnXPr3avRypCAHG7r9m+IusKTMj
xrYTpCq2zH2xSNa6+ch5VwRQqNM+MAqfNGsV68kl6MlUk7pX61ZMHNo6
-----END PRIVATE KEY-----
)";

// CN=localhost
constexpr std::string_view kCertificate = R"(-----BEGIN CERTIFICATE-----
MIICFzCCAb2gAwIBAgIBAjAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1zbXNsYWIg
bGFiIENBMCAXDTAwMDEwMTAwMDAwMFoYDzIwOTkxMjMxMjM1OTU5WjAUMRIwEAYD
VQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATpWFnXPr3a
vRypCAHG7r9m+IusKTMjxrYTpCq2zH2xSNa6+ch5VwRQqNM+MAqfNGsV68kl6MlU
k7pX61ZMHNo6o4H5MIH2MAwGA1UdEwEB/wQCMAAwDgYDVR0PAQH/BAQDAgeAMBMG
A1UdJQQMMAoGCCsGAQUFBwMBMB0GA1UdDgQWBBS4iXzc5tgRouusmY2KNAWe7vD+
7TAfBgNVHSMEGDAWgBTpmG0hpm5nAx10Z76geoOQ3fd2vjCBgAYDVR0RBHkwd4IJ
bG9jYWxob3N0ggsqLmxvY2FsaG9zdIINKi5zbXNsYWIudGVzdIIMTE9OLURDU01T
LTAxhwR/AAABhwR/AAAChwR/AAADhwR/AAAEhwR/AAAFhwR/AAAGhwR/AAAHhwR/
AAAIhxAAAAAAAAAAAAAAAAAAAAABMAoGCCqGSM49BAMCA0gAMEUCIQC4qwRd8KqX
gFSW0+lgzFxyMvkKKHc2Msg/oJMeOQTQrQIgaxcF8oreYbMUiX6Aa1vdLeWGmg2x
Z97Zl1BYNKCxVxo=
-----END CERTIFICATE-----
)";

// CN=smslab lab CA
constexpr std::string_view kCa = R"(-----BEGIN CERTIFICATE-----
MIIBYjCCAQmgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1zbXNsYWIg
bGFiIENBMCAXDTAwMDEwMTAwMDAwMFoYDzIwOTkxMjMxMjM1OTU5WjAYMRYwFAYD
VQQDDA1zbXNsYWIgbGFiIENBMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE6201
B2gopYGR5McIPA3jRlUQW01XWYqIk9MV96ijixtAsybV9tP61t+H958SJ3fefQ1r
B+cqMAeYD3jupRshJKNCMEAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMC
AQYwHQYDVR0OBBYEFOmYbSGmbmcDHXRnvqB6g5Dd93a+MAoGCCqGSM49BAMCA0cA
MEQCIHOxGfm9U35y2SY9qNuTAlawABF2XBGDUlaT7dl6taEjAiBZspSKt3BGPr0E
knOCKrNOX/isz+7AnoxpxUJu2S+KnA==
-----END CERTIFICATE-----
)";
}  // namespace

TlsIdentity lab_identity() { return {.certificate = std::string(kCertificate), .key = std::string(kKey)}; }

std::string_view lab_ca() { return kCa; }

}  // namespace smslab::wire
