"""What items say: a history-aware interest model over a fine-tuned encoder.

Serving
    interest                    the model
    scoring, attention          its logits in numpy, and which past events they look at; compiled holds the loops
    nearest, neighbour_lists    the items that each text asks for most, for a large catalogue
    float16_vectors             vectors of texts at half the size, likewise
    query_vectors               vectors of free texts
    attribution                 which past events made a score
    settings                    which encoder, and what logits mean as probabilities
Reading
    reader, encoder             texts to vectors; weights says where an encoder's files are
    lexicon                     words beside meaning
    cache                       vectors on disk
Training
    fitting                     the whole: encode, split by time, train, calibrate
    training                    its stages: network, teacher, encoder
    learner                     what all stages share: the network, what it learns from, how well it does
    finetune, plan              one stage, step by step, and how long it takes
    examples, sampling          what is learned from, and what it is compared with
    network, losses             what learns, and what it minimises
    validation                  whether it is better
    logit_calibration           logits to probabilities
    team                        several processes that train together
    checkpoint, training_state, curves   what is kept on the way
Tuning the encoder
    adapter, methods            the encoder in training; LoRA and others
    layers, lower               which layers are tuned, and the frozen ones below
A teacher (cross-encoder)
    teacher, teacher_training, distillation
Export
    export                      the encoder as ONNX
"""
