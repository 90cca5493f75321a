// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/transport.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <set>

#include <mpi.h>

#include "parallel/mpi_session.hpp"
#include "runtime/base/error.hpp"

namespace talus::doctor {

namespace {

std::string control_variable_name(int index) {
  std::array<char, 256> name{};
  auto length = static_cast<int>(name.size());
  int verbosity = 0;
  int binding = 0;
  int scope = 0;
  MPI_Datatype type = MPI_DATATYPE_NULL;
  int const code = MPI_T_cvar_get_info(
      index, name.data(), &length, &verbosity, &type, nullptr, nullptr, nullptr, &binding, &scope);
  return code == MPI_SUCCESS ? std::string{name.data()} : std::string{};
}

/// Empty where MPI's tool interface isn't there.
std::vector<std::string> control_variables() {
  int provided = 0;
  int count = 0;
  std::vector<std::string> names;
  if (MPI_T_init_thread(MPI_THREAD_MULTIPLE, &provided) != MPI_SUCCESS) {
    return names;
  }
  if (MPI_T_cvar_get_num(&count) == MPI_SUCCESS) {
    for (int index = 0; index < count; ++index) {
      if (std::string name = control_variable_name(index); !name.empty()) {
        names.push_back(std::move(name));
      }
    }
  }
  MPI_T_finalize();
  return names;
}

/// The components of one of Open MPI's frameworks that have variables: "pml_ob1_..." is ob1.
std::vector<std::string> components(std::vector<std::string> const& variables,
                                    std::string const& framework) {
  std::set<std::string> names;
  for (std::string const& variable : variables) {
    if (variable.rfind(framework + '_', 0) == 0) {
      std::string const rest = variable.substr(framework.size() + 1);
      names.insert(rest.substr(0, rest.find('_')));
    }
  }
  names.erase("base");
  names.erase("monitoring");  // stands before another one
  names.erase("v");
  return {names.begin(), names.end()};
}

bool has(std::vector<std::string> const& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void add_components(std::vector<TransportFact>& facts,
                    std::string const& framework,
                    std::vector<std::string> const& names) {
  for (std::string const& name : names) {
    facts.push_back({framework + ' ' + name, "MPI_T: its control variables are there"});
  }
}

void describe_open_mpi(TransportSources const& sources, std::vector<TransportFact>& facts) {
  std::vector<std::string> const layers = components(sources.control_variables, "pml");
  add_components(facts, "pml", layers);
  if (has(layers, "ob1")) {
    add_components(facts, "btl", components(sources.control_variables, "btl"));
  }
  if (has(layers, "cm")) {
    add_components(facts, "mtl", components(sources.control_variables, "mtl"));
  }
}

/// MPICH and what is made of it tell their device in the version: "--with-device=ch4:ofi".
void describe_mpich(TransportSources const& sources, std::vector<TransportFact>& facts) {
  std::string text = sources.library;
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  for (char const* const device : {"ch4:ofi", "ch4:ucx", "ch3:nemesis", "ch3:sock"}) {
    if (text.find(device) != std::string::npos) {
      facts.push_back({concat("device ", device), "MPI_Get_library_version"});
    }
  }
}

void describe_environment(TransportSources const& sources, std::vector<TransportFact>& facts) {
  constexpr char const* names[] = {"OMPI_MCA_pml",
                                   "OMPI_MCA_btl",
                                   "OMPI_MCA_mtl",
                                   "UCX_TLS",
                                   "UCX_NET_DEVICES",
                                   "FI_PROVIDER",
                                   "MPIR_CVAR_CH4_NETMOD",
                                   "MPIR_CVAR_OFI_USE_PROVIDER",
                                   "MPICH_OFI_NIC_POLICY",
                                   "I_MPI_FABRICS",
                                   "I_MPI_OFI_PROVIDER"};
  for (char const* const name : names) {
    if (auto const value = sources.environment.variable(name)) {
      facts.push_back({concat(name, '=', *value), "environment"});
    }
  }
}

}  // namespace

TransportSources transport_sources() {
  return {parallel::library_version(), control_variables(), parallel::process_launch_source()};
}

std::vector<TransportFact> describe_transport(TransportSources const& sources) {
  std::vector<TransportFact> facts;
  if (sources.library.find("Open MPI") != std::string::npos) {
    describe_open_mpi(sources, facts);
  } else {
    describe_mpich(sources, facts);
  }
  if (facts.empty()) {
    facts.push_back({"unknown", "MPI_T, MPI_Get_library_version"});
  }
  describe_environment(sources, facts);
  return facts;
}

}  // namespace talus::doctor
