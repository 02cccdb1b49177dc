#include "docker_registry/docker_registry.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <string>

#include "callerapi/client.hpp"
#include "common/digest.hpp"
#include "support/real_server.hpp"

namespace callerapi {
namespace {

using support::RealServer;
using support::TempFolder;

std::string digest_of(const std::string& bytes) {
  return "sha256:" + signing::hex(signing::sha256(bytes));
}

/// Debian's docker-registry with an empty store; and our plugin file. The parameter: does it hand
/// out relative URLs?
class DockerRegistry : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.await_port(port_));
    Options options;
    options.environment.emplace();
    caller_.emplace(
        Caller::from_toml("schema = 1\n[caller]\nplugin_dir = \"" +
                              std::string(CALLERAPI_TEST_PLUGINS) +
                              "\"\n[services.docker_registry]\nplugin = \"docker_registry\"\n"
                              "base_url = \"http://127.0.0.1:" +
                              std::to_string(port_) + "\"\n",
                          std::move(options))
            .value());
    images_.emplace(*caller_);
  }
  Client<docker_registry::DockerRegistry>& images() { return *images_; }

  static std::string location(const Result<Response>& answer) {
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? std::string(answer->headers.get("Location").value_or("")) : "";
  }
  /// The whole way of a blob, in two chunks.
  void push(const std::string& name, const std::string& blob) {
    const std::string begun = location(images().call<"start_upload">(name));
    EXPECT_EQ(begun.starts_with('/'), GetParam()) << begun;
    const std::size_t half = blob.size() / 2;
    const std::string first =
        location(images().call<"upload_chunk">(begun, Body::text(blob.substr(0, half))));
    const auto status = images().call<"upload_status">(first);
    EXPECT_EQ(status.value().headers.get("Range"), "0-" + std::to_string(half - 1));
    const std::string second =
        location(images().call<"upload_chunk">(first, Body::text(blob.substr(half))));
    const auto done = images().call<"finish_upload">(second, digest_of(blob), Body::text(""));
    ASSERT_TRUE(done) << done.error().message << done.error().detail->body_excerpt;
    EXPECT_EQ(done->status, 201);
  }

 private:
  std::string configure() const {
    std::string path = folder_.path() + "/config.yml";
    std::ofstream(path) << "version: 0.1\nstorage:\n  delete: {enabled: true}\n  filesystem: "
                           "{rootdirectory: "
                        << folder_.path() << "/data}\nhttp:\n  addr: 127.0.0.1:" << port_
                        << "\n  relativeurls: " << (GetParam() ? "true" : "false") << "\n";
    return path;
  }
  const TempFolder folder_;
  const int port_ = support::free_port();
  RealServer server_{{"/usr/bin/docker-registry", "serve", configure()}, folder_.path() + "/log"};
  std::optional<Caller> caller_;
  std::optional<Client<docker_registry::DockerRegistry>> images_;
};

TEST_P(DockerRegistry, ABlobGoesUpByTheUrlsItHandsOutAndComesBackInParts) {
  const std::string blob = std::string(100'000, 'x') + "the end";
  ASSERT_TRUE(images().call<"check">());
  push("docs/deep/name", blob);

  const auto exists = images().call<"blob_exists">("docs/deep/name", digest_of(blob));
  EXPECT_EQ(exists.value().headers.get("Content-Length"), std::to_string(blob.size()));
  EXPECT_EQ(images().call<"blob">("docs/deep/name", digest_of(blob)).value().body, blob);
  const auto part = images().call<"blob">("docs/deep/name", digest_of(blob),
                                          Request{}.header("Range", "bytes=100004-"));
  EXPECT_EQ(part.value().status, 206);
  EXPECT_EQ(part.value().body, "end");

  EXPECT_TRUE(images().call<"delete_blob">("docs/deep/name", digest_of(blob)));
  EXPECT_EQ(images().call<"blob_exists">("docs/deep/name", digest_of(blob)).error().status, 404);
}

TEST_P(DockerRegistry, AManifestIsFoundByItsTagUntilItIsDeleted) {
  const std::string config = "{}", layer = "a layer";
  push("app", config);
  push("app", layer);
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":")" + type +
      R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":")" +
      digest_of(config) +
      R"("},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":7,"digest":")" +
      digest_of(layer) + "\"}]}";

  const auto put = images().call<"put_manifest">("app", "v1", Body::text(manifest, type));
  ASSERT_TRUE(put) << put.error().message << put.error().detail->body_excerpt;
  const std::string digest(put->headers.get("Docker-Content-Digest").value_or(""));
  EXPECT_EQ(digest, digest_of(manifest));
  EXPECT_EQ(images().call<"tags">("app").value().tags.value(), std::vector<std::string>{"v1"});
  EXPECT_EQ(images().call<"catalog">(with<"n">(10)).value().repositories,
            std::vector<std::string>{"app"});
  EXPECT_TRUE(images().call<"manifest_exists">("app", "v1", Request{}.header("Accept", type)));
  EXPECT_EQ(images().call<"manifest">("app", digest, Request{}.header("Accept", type)).value().body,
            manifest);

  EXPECT_TRUE(images().call<"delete_manifest">("app", digest));
  const auto gone = images().call<"manifest">("app", "v1", Request{}.header("Accept", type));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().status, 404);
  EXPECT_NE(gone.error().detail->body_excerpt.find("MANIFEST_UNKNOWN"), std::string::npos);
}

TEST_P(DockerRegistry, AWrongDigestIsRefusedAndAnUploadCanBeGivenUp) {
  const std::string begun = location(images().call<"start_upload">("app"));
  const auto wrong =
      images().call<"finish_upload">(begun, digest_of("another"), Body::text("bytes"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().status, 400);
  EXPECT_NE(wrong.error().detail->body_excerpt.find("DIGEST_INVALID"), std::string::npos);
  EXPECT_EQ(wrong.error().attempts, 1);

  const std::string second = location(images().call<"start_upload">("app"));
  EXPECT_TRUE(images().call<"cancel_upload">(second));
  EXPECT_EQ(images().call<"upload_status">(second).error().status, 404);
}

INSTANTIATE_TEST_SUITE_P(Urls, DockerRegistry, ::testing::Bool(),
                         [](const auto& one) { return one.param ? "Relative" : "Absolute"; });

}  // namespace
}  // namespace callerapi
