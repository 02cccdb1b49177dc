#pragma once

#include <callerapi/plugin.hpp>

#include "messages.hpp"

/// The contract of a registry of container images, its HTTP API V2 (OCI Distribution).
namespace docker_registry {

using namespace callerapi::dsl;

/// `name` is a repository, slashes included; `digest` is "sha256:..." ; `reference` is a tag or a
/// digest. Each answer to a step of an upload brings the `Location` of the next one, and a step
/// that was taken is not there any more: none of them may be repeated.
struct DockerRegistry {
  static constexpr std::string_view id = "docker_registry", version = "1.0.0", owner = "callerapi";
  using api = endpoints<
      callerapi::dsl::get<"check", "/v2/", none>,
      callerapi::dsl::get<"catalog", "/v2/_catalog", Catalog, opt<"n", int>, opt<"last">>,
      callerapi::dsl::get<"tags", "/v2/{+name}/tags/list", Tags, path<"name">, opt<"n", int>,
                          opt<"last">>,

      callerapi::dsl::call<"blob_exists", "HEAD", "/v2/{+name}/blobs/{+digest}", none, bytes,
                           path<"name">, path<"digest">>,
      callerapi::dsl::get<"blob", "/v2/{+name}/blobs/{+digest}", bytes, path<"name">,
                          path<"digest">>,
      del<"delete_blob", "/v2/{+name}/blobs/{+digest}", none, none, path<"name">, path<"digest">>,

      post<"start_upload", "/v2/{+name}/blobs/uploads/", none, bytes, path<"name">>,
      patch<"upload_chunk", "{location}", bytes, bytes, location<"location">>,
      put<"finish_upload", "{location}", bytes, bytes, location<"location">, query<"digest">,
          not_idempotent>,
      callerapi::dsl::get<"upload_status", "{location}", bytes, location<"location">>,
      del<"cancel_upload", "{location}", none, none, location<"location">>,

      callerapi::dsl::call<"manifest_exists", "HEAD", "/v2/{+name}/manifests/{+reference}", none,
                           bytes, path<"name">, path<"reference">>,
      callerapi::dsl::get<"manifest", "/v2/{+name}/manifests/{+reference}", bytes, path<"name">,
                          path<"reference">>,
      put<"put_manifest", "/v2/{+name}/manifests/{+reference}", bytes, bytes, path<"name">,
          path<"reference">>,
      del<"delete_manifest", "/v2/{+name}/manifests/{+reference}", none, none, path<"name">,
          path<"reference">>>;
};

}  // namespace docker_registry
