# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import re

from spack_repo.builtin.build_systems.cmake import CMakePackage, generator
from spack_repo.builtin.build_systems.cuda import CudaPackage

from spack.package import *


class Talus(CMakePackage, CudaPackage):
    """Talus runs large language models as batch jobs on supercomputers: one MPI program that takes
    a file of requests and writes a file of answers, which don't depend on the grid of ranks."""

    # What is built is the clone that this recipe lies in, so that a site needs no other source.
    git = pathlib.Path(__file__).resolve().parents[5].as_uri()
    homepage = git

    license("Apache-2.0")

    version("main", branch="main")

    variant("mpi", default=True, description="Ranks that talk by MPI: there is no Talus without")
    variant("openmp", default=True, description="Threads of the portable kernels, by OpenMP")
    variant("rocm", default=False, description="Kernels for AMD GPUs: there are none yet")
    variant("sycl", default=False, description="Kernels for Intel GPUs: there are none yet")
    variant(
        "x86",
        default=True,
        when="target=x86_64:",
        description="Kernels for AVX2, AVX-512 and AMX too, chosen at run time",
    )
    variant("fortran", default=False, description="The Fortran module, on mpi_f08")
    variant("tests", default=False, description="Build the tests, also without --test=root")
    variant("examples", default=False, description="Install sources of programs that use Talus")

    generator("ninja")

    # Lower bounds are what Debian 12 has and all tests run with, upper ones the major version.
    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("fortran", type="build", when="+fortran")
    depends_on("cmake@3.25:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi@3:")
    depends_on("kokkos@3.4:4")
    depends_on("kokkos +openmp", when="+openmp")
    depends_on("kokkos ~openmp +serial", when="~openmp")
    depends_on("hdf5@1.10.8:1")
    depends_on("nlohmann-json@3.11.2:3")
    depends_on("cli11@2.1.2:2", type="build")
    depends_on("yaml-cpp@0.7:0")
    depends_on("oniguruma@6.9.8:6")
    depends_on("utf8proc@2.8:2")
    depends_on("xxhash@0.8.1:0")
    depends_on("hwloc@2.9:2")
    # The kernels are C++20, and read by nvcc with the library of GCC 12 or later.
    depends_on("cuda@12.4:13", when="+cuda")

    depends_on("catch2@3.7:3", type="build", when="+tests")
    depends_on("catch2@3.7:3", type="test")
    # Fibers of the tests of GPU kernels.
    depends_on("boost@1.74: +context", type="build", when="+tests")
    depends_on("boost@1.74: +context", type="test")

    requires("platform=linux", msg="Talus asks Linux for its cores and its memory")
    conflicts("~mpi", msg="Talus is an MPI program: one rank alone is a job of MPI, too")
    for arch in CudaPackage.cuda_arch_values:
        if int(arch.rstrip("af")) < 80:
            conflicts(
                f"cuda_arch={arch}",
                when="+cuda",
                msg="Talus' kernels want the tensor cores of compute capability 8.0 and later",
            )
    conflicts("+rocm", msg="Talus has no kernels for AMD GPUs yet: it runs on CPUs")
    conflicts("+sycl", msg="Talus has no kernels for Intel GPUs yet: it runs on CPUs")
    for device in ("cuda", "rocm", "sycl", "openmptarget"):
        conflicts(f"^kokkos +{device}", msg="only Kokkos' host devices are tried: OpenMP, Serial")
    conflicts("%gcc@:11", msg="GCC 12 is the oldest that Talus is tried with")
    conflicts("%clang@:13", msg="Clang 14 is the oldest that Talus is tried with")

    sanity_check_is_file = [
        join_path("bin", "talus"),
        join_path("share", "talus", "demo", "dense", "model.safetensors"),
    ]

    def cmake_args(self):
        arguments = [
            # Spack's compiler wrapper says for which processor; the other kernels have their own.
            self.define("TALUS_NATIVE", False),
            self.define("TALUS_X86", self.spec.satisfies("+x86")),
            # OFF also where an nvcc happens to be in PATH.
            self.define("TALUS_CUDA", "ON" if self.spec.satisfies("+cuda") else "OFF"),
            self.define("TALUS_BUILD_TESTS", self.run_tests or self.spec.satisfies("+tests")),
            self.define_from_variant("TALUS_FORTRAN", "fortran"),
            self.define_from_variant("TALUS_INSTALL_EXAMPLES", "examples"),
        ]
        if self.spec.satisfies("+cuda"):
            arguments.append(self.define("CMAKE_CUDA_COMPILER", self.spec["cuda"].prefix.bin.nvcc))
            if self.spec.satisfies("cuda_arch=none"):  # CMake's list: 8.0, 9.0 and 10.0
                return arguments
            architectures = self.spec.variants["cuda_arch"].value
            arguments.append(self.define("CMAKE_CUDA_ARCHITECTURES", architectures))
        return arguments

    # Stand-alone tests: `spack test run talus`, on what is installed and nothing else.

    @property
    def _demo(self):
        """Folder of the installed model, its problems and what they come to."""
        return self.prefix.share.talus.demo

    def _talus(self, *arguments, **options):
        """What the installed command prints to standard output and standard error."""
        talus = Executable(self.prefix.bin.talus)
        return talus(*arguments, output=str, error=str, **options)

    def _launch(self, ranks, *arguments):
        """Runs the installed command by mpirun; skips the test where there is none."""
        mpirun = self.spec["mpi"].prefix.bin.mpirun
        if not os.path.exists(mpirun):
            raise SkipTest(f"there is no {mpirun} (launch it by hand, with srun for instance)")
        # More ranks than cores are fine here. Names of Open MPI 4 and 5; others don't look.
        environment = {
            "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "OMPI_MCA_hwloc_base_binding_policy": "none",
            "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
            "PRTE_MCA_hwloc_default_binding_policy": "none",
        }
        if os.geteuid() == 0:  # Spack hides what the user has set of this
            environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
            environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
        launcher = Executable(mpirun)
        launcher("-n", str(ranks), self.prefix.bin.talus, *arguments, extra_env=environment)

    def _write_problems(self, count=8):
        """Puts the first problems into a file of this folder; gives their answers by custom_id."""
        lines = pathlib.Path(self._demo, "problems.jsonl").read_text().splitlines()[:count]
        pathlib.Path("problems.jsonl").write_text("\n".join(lines) + "\n")
        answers = pathlib.Path(self._demo, "answers.jsonl").read_text().splitlines()
        by_id = {line["custom_id"]: line["answer"] for line in map(json.loads, answers)}
        return {name: by_id[name] for name in (json.loads(line)["custom_id"] for line in lines)}

    def _run_problems(self, output, run, *options):
        """What the model writes to these problems, by custom_id, to the file `output` too."""
        run(
            *("run", "--model", self._demo.dense, "-i", "problems.jsonl", "-o", output),
            *("--overwrite", "--threads", "1", *options),
        )
        lines = map(json.loads, pathlib.Path(output).read_text().splitlines())
        bodies = {line["custom_id"]: line["response"]["body"] for line in lines}
        return {name: body["choices"][0]["message"]["content"] for name, body in bodies.items()}

    def test_version(self):
        """the command tells its version, without starting MPI"""
        check_outputs(r"^talus \d+\.\d+\.\d+$", self._talus("--version").strip())

    def test_inspect(self):
        """the installed model is of a family that Talus knows"""
        printed = self._talus("inspect", self._demo.dense, "--json")
        assert json.loads(printed)["family"] == "qwen3", printed

    def test_cuda(self):
        """the module with kernels for NVIDIA GPUs is found: without a driver, CUDA says so"""
        if self.spec.satisfies("~cuda"):
            raise SkipTest("there is no such module (+cuda)")
        self._write_problems(count=1)
        options = ("--backend", "cuda", "-i", "problems.jsonl", "-o", "on_gpu.jsonl")
        printed = self._talus(
            *("run", "--model", self._demo.dense, "--overwrite", *options), fail_on_error=False
        )
        if not os.path.exists("on_gpu.jsonl"):
            check_outputs("cudaError", printed)

    def test_run(self):
        """the installed model solves problems, and the audit finds all of them answered"""
        expected = self._write_problems()
        contents = self._run_problems("alone.jsonl", self._talus)
        last_numbers = {name: re.findall(r"-?\d+", text)[-1:] for name, text in contents.items()}
        right = [name for name, answer in expected.items() if last_numbers[name] == [answer]]
        assert len(right) >= 0.75 * len(expected), f"only {right} are right of {contents}"
        printed = self._talus("audit", "-i", "problems.jsonl", "-o", "alone.jsonl")
        check_outputs("^complete: 8 requests, 8 answers and 0 errors", printed)

    def test_audit_incomplete(self):
        """the audit names a request that has no answer, and fails"""
        first, second = self._write_problems(count=2)
        answer = json.dumps({"custom_id": first, "response": None, "error": {"message": "x"}})
        pathlib.Path("cut.jsonl").write_text(answer + "\n")
        options = {"fail_on_error": False, "ignore_errors": [1]}
        printed = self._talus("audit", "-i", "problems.jsonl", "-o", "cut.jsonl", **options)
        check_outputs(["^NOT complete: 2 requests", f"missing 1: {second}"], printed)

    def test_ranks(self):
        """two ranks write what one does, to the letter"""
        self._write_problems()
        one = self._run_problems("one.jsonl", self._talus)
        two = self._run_problems("two.jsonl", lambda *all: self._launch(2, *all), "-tp", "2")
        assert one == two, f"one rank wrote {one}, two wrote {two}"

    def test_downstream(self):
        """a project that finds Talus by CMake is built and answers problems"""
        if self.spec.satisfies("~examples"):
            raise SkipTest("the examples are not installed (+examples)")
        self._write_problems()
        cmake = self.spec["cmake"].command
        prefixes = [self.prefix] + [each.prefix for each in self.spec.dependencies()]
        cmake(
            *(
                "-S",
                self.prefix.share.talus.examples.downstream,
                "-B",
                "downstream",
                "-G",
                "Ninja",
            ),
            self.define("CMAKE_CXX_COMPILER", self["cxx"].cxx),
            self.define("CMAKE_C_COMPILER", self["c"].cc),
            self.define("CMAKE_PREFIX_PATH", prefixes),
            self.define("MPI_CXX_COMPILER", self.spec["mpi"].mpicxx),
        )
        cmake("--build", "downstream")
        answer = Executable(join_path("downstream", "answer"))
        answer(self._demo.dense, "problems.jsonl", "answers.jsonl")
        printed = self._talus("audit", "-i", "problems.jsonl", "-o", "answers.jsonl")
        check_outputs("^complete: 8 requests, 8 answers and 0 errors", printed)
