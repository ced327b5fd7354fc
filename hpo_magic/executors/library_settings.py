"""Settings of libraries for the whole process: how each is read and put back.

A library's functions are reached by its module, which is given to them: nothing is imported here
that the notebook has not imported.
"""

from __future__ import annotations

import contextlib
from types import ModuleType
from typing import Any

from hpo_magic.executors.setting import Setting


def _put_torch(torch: ModuleType, before: dict[str, Any]) -> None:
    torch.set_default_dtype(before["dtype"])
    torch.set_grad_enabled(before["grad"])
    chosen = before["deterministic"], before["warn_only"]
    is_chosen = torch.are_deterministic_algorithms_enabled()
    if chosen != (is_chosen, torch.is_deterministic_algorithms_warn_only_enabled()):
        # It loads PyTorch's compiler: beside TensorFlow, builds for CUDA crashed in that.
        torch.use_deterministic_algorithms(chosen[0], warn_only=chosen[1])
    if torch.get_num_threads() != before["threads"]:
        torch.set_num_threads(before["threads"])
    torch.backends.cudnn.benchmark = before["benchmark"]
    torch.set_float32_matmul_precision(before["matmul"])
    torch.autograd.set_detect_anomaly(before["anomaly"])
    if hasattr(torch, "get_default_device") and torch.get_default_device() != before["device"]:
        torch.set_default_device(before["device"])


def _read_torch(torch: ModuleType) -> dict[str, Any]:
    return {
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "threads": torch.get_num_threads(),
        "benchmark": torch.backends.cudnn.benchmark,
        "matmul": torch.get_float32_matmul_precision(),
        "anomaly": torch.is_anomaly_enabled(),
        "device": torch.get_default_device() if hasattr(torch, "get_default_device") else None,
    }


def _fresh_torch(torch: ModuleType) -> dict[str, Any]:
    fresh = _read_torch(torch)
    return fresh | {
        "dtype": torch.float32,
        "grad": True,
        "deterministic": False,
        "warn_only": False,
        "benchmark": False,
        "matmul": "highest",
        "anomaly": False,
        "device": torch.device("cpu"),
    }


def _read_keras(keras: ModuleType) -> dict[str, Any]:
    return {
        # By its configuration: policies compare by identity, and a global one is made on demand.
        "policy": str(keras.config.dtype_policy().name),
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "format": keras.config.image_data_format(),
        "traceback": keras.config.is_traceback_filtering_enabled(),
        "interactive": keras.config.is_interactive_logging_enabled(),
    }


def _put_keras(keras: ModuleType, before: dict[str, Any]) -> None:
    config = keras.config
    if config.dtype_policy().name != before["policy"]:
        config.set_dtype_policy(before["policy"])
    config.set_floatx(before["floatx"])
    config.set_epsilon(before["epsilon"])
    config.set_image_data_format(before["format"])
    filtering = config.enable_traceback_filtering, config.disable_traceback_filtering
    filtering[not before["traceback"]]()
    logs = config.enable_interactive_logging, config.disable_interactive_logging
    logs[not before["interactive"]]()


def _tensorflow_config(tensorflow: ModuleType) -> dict[str, Any]:
    config = tensorflow.config
    return {
        "functions": config.functions_run_eagerly(),
        "soft": config.get_soft_device_placement(),
        "jit": config.optimizer.get_jit(),
    }


def _put_tensorflow(tensorflow: ModuleType, before: dict[str, Any]) -> None:
    config = tensorflow.config
    config.run_functions_eagerly(before["functions"])
    config.set_soft_device_placement(before["soft"])
    config.optimizer.set_jit(before["jit"])


def _put_numpy_errors(numpy: ModuleType, before: tuple[dict[str, str], Any]) -> None:
    errors, call = before
    numpy.seterr(**errors)
    numpy.seterrcall(call)


_PANDAS = (
    "display.max_rows",
    "display.max_columns",
    "display.width",
    "display.precision",
)


def _read_pandas(pandas: ModuleType) -> dict[str, Any]:
    found = {}
    for name in _PANDAS:
        with contextlib.suppress(KeyError):  # an option that this version does not have
            found[name] = pandas.get_option(name)
    return found


def _put_pandas(pandas: ModuleType, before: dict[str, Any]) -> None:
    for name, value in before.items():
        if pandas.get_option(name) != value:
            pandas.set_option(name, value)


def _put_jax(jax: ModuleType, before: dict[str, Any]) -> None:
    for name, value in before.items():
        jax.config.update(name, value)


_JAX_FLAGS = ("jax_enable_x64", "jax_debug_nans", "jax_disable_jit", "jax_default_matmul_precision")

LIBRARIES = (
    Setting(
        "NumPy's error state",
        lambda numpy: (numpy.geterr(), numpy.geterrcall()),
        _put_numpy_errors,
        "numpy",
        is_of_thread=True,
    ),
    Setting(
        "NumPy's print options",
        lambda numpy: {k: v for k, v in numpy.get_printoptions().items() if k != "override_repr"},
        lambda numpy, before: numpy.set_printoptions(**before),
        "numpy",
    ),
    Setting(
        "scikit-learn's configuration",
        lambda sklearn: sklearn.get_config(),
        lambda sklearn, before: sklearn.set_config(**before),
        "sklearn",
        is_of_thread=True,
    ),
    Setting(
        "matplotlib's rc parameters",
        lambda matplotlib: dict(dict.items(matplotlib.rcParams)),
        lambda matplotlib, before: matplotlib.rcParams.update(before),
        "matplotlib",
    ),
    Setting(
        "pandas' options",
        _read_pandas,
        _put_pandas,
        "pandas",
    ),
    Setting("PyTorch's settings", _read_torch, _put_torch, "torch", fresh=_fresh_torch),
    Setting("Keras's settings", _read_keras, _put_keras, "keras", is_of_thread=True),
    Setting("TensorFlow's settings", _tensorflow_config, _put_tensorflow, "tensorflow"),
    Setting(
        "TensorFlow's devices and threads",
        lambda tensorflow: (
            tensorflow.config.threading.get_inter_op_parallelism_threads(),
            tensorflow.config.threading.get_intra_op_parallelism_threads(),
            [str(device) for device in tensorflow.config.get_visible_devices()],
        ),
        None,
        "tensorflow",
    ),
    Setting(
        "JAX's configuration",
        lambda jax: {name: getattr(jax.config, name) for name in _JAX_FLAGS},
        _put_jax,
        "jax",
    ),
)
