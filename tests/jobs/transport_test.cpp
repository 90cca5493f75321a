// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/transport.hpp"

#include <algorithm>
#include <map>

#include "jobs/doctor/file_system.hpp"

#include "tests/support/catch.hpp"

using namespace talus::doctor;  // what is tested

namespace {

TransportSources sources(std::string library,
                         std::vector<std::string> variables,
                         std::map<std::string, std::string> environment = {}) {
  return {std::move(library),
          std::move(variables),
          {.variable = [environment](std::string const& name) -> std::optional<std::string> {
             auto const found = environment.find(name);
             return found == environment.end() ? std::nullopt : std::optional{found->second};
           },
           .file = [](std::string const&) { return std::nullopt; }}};
}

std::vector<std::string> told(TransportSources const& from) {
  std::vector<std::string> names;
  for (TransportFact const& fact : describe_transport(from)) {
    CHECK_FALSE(fact.seen.empty());
    names.push_back(fact.what);
  }
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("Open MPI's components are those that have control variables") {
  Names const ob1 = {"btl",
                     "btl_base_verbose",
                     "btl_self_eager_limit",
                     "btl_tcp_if_include",
                     "btl_vader_backing_directory",
                     "mtl_psm2_connect_timeout",
                     "pml",
                     "pml_base_bsend_allocator",
                     "pml_ob1_free_list_num",
                     "pml_monitoring_enable"};

  CHECK(told(sources("Open MPI v4.1.4", ob1)) ==
        Names{"pml ob1", "btl self", "btl tcp", "btl vader"});
  CHECK(told(sources("Open MPI v5.0.6", {"pml_ucx_tls", "btl_tcp_links"})) == Names{"pml ucx"});
  CHECK(told(sources("Open MPI v4.1.4", {"pml_cm_priority", "mtl_ofi_provider_include"})) ==
        Names{"pml cm", "mtl ofi"});
}

TEST_CASE("MPICH tells its device, and Cray's its network") {
  CHECK(told(sources("MPICH Version: 4.0.2\nMPICH configure: --with-device=ch4:ofi\n", {})) ==
        Names{"device ch4:ofi"});
}

TEST_CASE("what the environment asks for is told, and what nobody knows is unknown") {
  CHECK(told(sources("Some MPI 1.0", {})) == Names{"unknown"});
  CHECK(told(sources("Some MPI 1.0", {}, {{"FI_PROVIDER", "cxi"}})) ==
        Names{"unknown", "FI_PROVIDER=cxi"});
}

TEST_CASE("this MPI's transport can be asked for") {
  CHECK_FALSE(describe_transport(transport_sources()).empty());
}

TEST_CASE("file systems have names") {
  CHECK(file_system_name(0x0BD00BD0) == "lustre");
  CHECK(file_system_name(0x47504653) == "gpfs");
  CHECK(file_system_name(0x1234abcd) == "0x1234abcd");
  CHECK(file_system_of("/proc/self/no/such/place") == "unknown");
  CHECK(file_system_of("/proc") == "0x9fa0");
}
