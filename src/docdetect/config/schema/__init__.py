"""What a configuration may say: every section, key, type, range and default, and the option that each key becomes.

The one place where a setting is described: the options of the commands, their help, and the comments of the files in
configs/ are made from it. A description is a full sentence, and `Option` says where the option stands. This module
imports pydantic, so that what has to start without it, such as the command line, imports it inside functions.
"""

from __future__ import annotations

from pydantic import Field

from docdetect.config.schema.datasets import AuditConfig, DataConfig, LabelsConfig
from docdetect.config.schema.evaluation import CrossvalConfig, FiguresConfig, ReproduceConfig, ValConfig
from docdetect.config.schema.inference import GroupingConfig, InferConfig, ResultFormat
from docdetect.config.schema.learning import PromoteConfig, SelectConfig
from docdetect.config.schema.made_documents import MARK_KINDS, CutoutsConfig, SynthConfig
from docdetect.config.schema.service import ServeConfig
from docdetect.config.schema.training import (
    FIRST,
    DataSource,
    ExportConfig,
    MadePagesConfig,
    StartingPoint,
    TrainConfig,
    WeightsConfig,
)
from docdetect.config.schema.values import Confidences, Dpi, Name, Section

__all__ = [
    "FIRST",
    "MARK_KINDS",
    "AuditConfig",
    "Confidences",
    "Config",
    "CrossvalConfig",
    "CutoutsConfig",
    "DataConfig",
    "DataSource",
    "Dpi",
    "ExportConfig",
    "FiguresConfig",
    "GroupingConfig",
    "InferConfig",
    "LabelsConfig",
    "MadePagesConfig",
    "Name",
    "PromoteConfig",
    "ReproduceConfig",
    "ResultFormat",
    "SelectConfig",
    "ServeConfig",
    "StartingPoint",
    "SynthConfig",
    "TrainConfig",
    "ValConfig",
    "WeightsConfig",
]


class Config(Section):
    """All sections; a file may hold any of them."""

    data: DataConfig = Field(default_factory=DataConfig)
    labels: LabelsConfig = Field(default_factory=LabelsConfig)
    train: TrainConfig = Field(default_factory=TrainConfig)
    val: ValConfig = Field(default_factory=ValConfig)
    infer: InferConfig = Field(default_factory=InferConfig)
    grouping: GroupingConfig = Field(default_factory=GroupingConfig)
    export: ExportConfig = Field(default_factory=ExportConfig)
    figures: FiguresConfig = Field(default_factory=FiguresConfig)
    crossval: CrossvalConfig = Field(default_factory=CrossvalConfig)
    reproduce: ReproduceConfig = Field(default_factory=ReproduceConfig)
    synth: SynthConfig = Field(default_factory=SynthConfig)
    cutouts: CutoutsConfig = Field(default_factory=CutoutsConfig)
    audit: AuditConfig = Field(default_factory=AuditConfig)
    weights: WeightsConfig = Field(default_factory=WeightsConfig)
    serve: ServeConfig = Field(default_factory=ServeConfig)
    select: SelectConfig = Field(default_factory=SelectConfig)
    promote: PromoteConfig = Field(default_factory=PromoteConfig)
