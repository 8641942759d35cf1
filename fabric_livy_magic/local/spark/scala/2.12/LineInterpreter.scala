package fabric_livy_magic.local

import java.io.PrintWriter

import scala.collection.mutable
import scala.tools.nsc.{Global, Phase, Settings, SubComponent}
import scala.tools.nsc.interpreter.{IMain, ReplGlobal}
import scala.tools.nsc.reporters.Reporter

/** Scala's interpreter, made for one line at a time.
  *
  * Each line is two runs of the whole compiler, and half of such a run went into `SpecializationPhase.run`: it specializes
  * Function0 to Function2, Tuple1 and Tuple2 anew, whether the line has any or not. That is for a compiler that writes
  * classes in parallel, which may not load symbols then; a REPL's does not (SpecializeTypes.scala of Scala 2.12.18).
  * Here they are specialized where a line needs them.
  */
class LineInterpreter(settings: Settings, out: PrintWriter) extends IMain(settings, out) {

  /** As in IMain, except for the one phase. */
  override protected def newCompiler(settings: Settings, reporter: Reporter): ReplGlobal = {
    settings.outputDirs.setSingleOutput(replOutput.dir)
    settings.exposeEmptyPackage.value = true
    new Global(settings, reporter) with ReplGlobal { self =>
      def sessionNames = naming.sessionNames

      override protected def computeInternalPhases(): Unit = {
        super.computeInternalPhases()
        phasesSet -= specializeTypes
        addToPhasesSet(specializeOnDemand, "specialize what the line has")
      }

      private object specializeOnDemand extends SubComponent {
        val global: self.type = self
        val phaseName = specializeTypes.phaseName
        val runsAfter = specializeTypes.runsAfter
        val runsRightAfter = specializeTypes.runsRightAfter

        def newPhase(previous: Phase): Phase = new specializeTypes.SpecializationPhase(previous) {
          override def run(): Unit = {
            currentRun.units.foreach(applyPhase)
            leaveOpen()
          }
        }

        /** The rest of the original's `run`, word for word: what has specialized twins must not be final. */
        private def leaveOpen(): Unit = specialized.foreach {
          case (method, specializeTypes.SpecialOverload(target, _)) =>
            for (symbol <- Seq(method, target)) {
              symbol.resetFlag(scala.reflect.internal.Flags.FINAL)
              symbol.removeAnnotation(definitions.ScalaInlineClass)
            }
          case _ =>
        }

        /** Its private map, by the name that the compiler gave to the way there. */
        private lazy val specialized = specializeTypes.getClass
          .getMethod("scala$tools$nsc$transform$SpecializeTypes$$info")
          .invoke(specializeTypes)
          .asInstanceOf[mutable.Map[Symbol, specializeTypes.SpecializedInfo]]
      }
    }
  }
}
