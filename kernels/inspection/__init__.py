"""What can be known of a CUDA kernel without a GPU: machine code, registers, occupancy, instruction mix."""

from nanonet_kernels.inspection.architectures import ARCHITECTURES, Architecture, architecture
from nanonet_kernels.inspection.compile import CompilationError, catalogue, machine_code
from nanonet_kernels.inspection.occupancy import Occupancy, occupancy
from nanonet_kernels.inspection.report import Inspection, inspect
from nanonet_kernels.inspection.tools import MissingToolError
