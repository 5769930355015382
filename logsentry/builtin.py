"""The detectors that come with the package, offered through the same door as everybody's."""

from __future__ import annotations

from logsentry.hookspecs import Register, hookimpl


@hookimpl
def register_detectors(register: Register) -> None:
    register("counting", "logsentry.baselines.counting:Counting")
    register("deeplog", "logsentry.learn.next_key.deeplog:DeepLog")
    register("encoder", "logsentry.learn.classifier.detector:EncoderClassifier")
    register("encoder-bag", "logsentry.learn.encoder_bag.detector:EncoderBag")
    register("hybrid", "logsentry.pipeline.hybrid:Hybrid")
    register("isolation-forest", "logsentry.baselines.iforest:IForest")
    register("logbert-ensemble", "logsentry.learn.logbert.ensemble:LogBertEnsemble")
    register("loganomaly", "logsentry.learn.next_key.loganomaly:LogAnomaly")
    register("logcluster", "logsentry.baselines.logcluster:LogCluster")
    register("one-class-svm", "logsentry.baselines.ocsvm:OcSvm")
    register("pca", "logsentry.baselines.pca:Pca")
    register("regex", "logsentry.baselines.regex:Regex")
